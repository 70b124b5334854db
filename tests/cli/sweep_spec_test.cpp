// headscope sweep: a file of several sweeps, run, stopped and gone on with.
#include <chrono>
#include <csignal>
#include <future>
#include <sstream>
#include <thread>
#include <tuple>

#include "analyses/results/result_store.h"
#include "analyses/sweep_file/sweep_session.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "tests/cli/program.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const std::string kSweepSpecModel = model_path("llama");

// Pairs of one template, the same up to their fifth token.
void put_task(const std::string& file, int items) {
  std::string lines;
  for (int i = 0; i < items; ++i) {
    const auto tokens = [&](int last) {
      return fmt::format("[1, {}, 3, 4, {}, {}, 7]", 10 + i % 40, last, 20 + i % 60);
    };
    lines += fmt::format(
        "{{\"clean_tokens\": {}, \"corrupted_tokens\": {}, \"answer_tokens\": [{}], "
        "\"wrong_tokens\": [{}], \"spans\": {{\"S2\": [4, 5]}}, \"template\": 0}}\n",
        tokens(5),
        tokens(6),
        30 + i % 40,
        31 + i % 40);
  }
  put(file, lines);
}

OrderedJson spec_of(const OrderedJson& sweeps) {
  return {
      {"model", kSweepSpecModel}, {"task", "task.jsonl"}, {"output", "out"}, {"sweeps", sweeps}};
}

const OrderedJson kSweeps = OrderedJson::parse(R"([
  {"verb": "patch", "site": "z", "over": ["layer", "head"]},
  {"verb": "patch", "site": "k", "positions": "S2", "name": "keys"},
  {"verb": "ablate", "mode": "mean", "metric": "prob"},
  {"verb": "ablate", "mode": "resample", "site": "mlp_out", "over": "layer"},
  {"verb": "path-patch", "receiver": ["1.2:q", "2.0:k"], "senders": "heads"},
  {"verb": "attribute", "site": "q", "method": "ig", "steps": 3}])");

// The same as a user types them one by one.
const std::vector<std::pair<std::string, std::vector<std::string>>> kSingly{
    {"patch-z-layer-head", {"patch", "--site", "z", "--over", "layer,head"}},
    {"keys", {"patch", "--site", "k", "--positions", "S2"}},
    {"ablate-mean-prob", {"ablate", "--mode", "mean", "--metric", "prob"}},
    {"ablate-mlp_out-resample-layer",
     {"ablate", "--mode", "resample", "--site", "mlp_out", "--over", "layer"}},
    {"path-patch-1.2-q-2.0-k-heads",
     {"path-patch", "--receiver", "1.2:q,2.0:k", "--senders", "heads"}},
    {"attribute-q-ig", {"attribute", "--site", "q", "--method", "ig", "--steps", "3"}}};

constexpr const char* kNoMlp =
    R"({"version": 1, "interventions": [{"site": "blocks.1.hook_mlp_out", "op": "zero"}]})";

struct Place {
  Folder folder;

  explicit Place(const OrderedJson& sweeps = kSweeps) {
    put_task(folder / "task.jsonl", 12);
    write(spec_of(sweeps));
  }
  void write(const OrderedJson& spec) const { put(folder / "spec.json", spec.dump()); }
  [[nodiscard]] Outcome sweep(const std::string& shell = "") const {
    return run({"sweep", folder / "spec.json", "--memory", "1GB", "--json"}, shell);
  }
  [[nodiscard]] std::string file(const std::string& name) const {
    return folder / ("out/" + name + ".h5");
  }
};

// Pairs of cell and prompt that a file has, also while it is written.
std::int64_t done_in(const std::string& file) {
  try {
    return read_result(file).done;
  } catch (const Error&) {
    return 0;  // not there yet
  }
}

void wait_until_sweep_spec_begun(const std::string& file) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (done_in(file) == 0 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

bool same_values(const Result& a, const Result& b) {
  return a.per_prompt == b.per_prompt && a.clean == b.clean && a.corrupted == b.corrupted;
}

}  // namespace

TEST_CASE("every sweep of a file is bit for bit what its verb alone writes") {
  const Place place;
  const Outcome outcome = place.sweep();
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  const OrderedJson rows = outcome.json()["sweeps"];
  REQUIRE(rows.size() == kSingly.size());
  for (std::size_t i = 0; i < kSingly.size(); ++i) {
    auto [name, words] = kSingly[i];
    CAPTURE(name);
    CHECK(rows[i]["entry"] == name);
    CHECK(rows[i]["was"] == "run");
    CHECK(rows[i]["file"] == place.file(name));
    words.insert(words.begin() + 1, {kSweepSpecModel, "--task", place.folder / "task.jsonl"});
    words.insert(words.end(), {"-o", place.folder / "one.h5", "--overwrite", "--memory", "1GB"});
    REQUIRE(run(words).code == 0);
    const Result together = read_result(place.file(name));
    CHECK(together.complete());
    CHECK(same_values(together, read_result(place.folder / "one.h5")));
    CHECK_THAT(together.header.provenance["command_line"].get<std::string>(),
               contains("spec.json") && contains("headscope " + words[0]));
  }
}

TEST_CASE("run again, what is done is skipped and what is not is finished") {
  const Place place;
  REQUIRE(place.sweep().code == 0);
  const Result keys = read_result(place.file("keys"));
  const Result means = read_result(place.file("ablate-mean-prob"));
  std::filesystem::remove(place.file("keys"));
  {
    ResultStore half(place.file("ablate-mean-prob"), means.header, IfExists::replace);
    half.put_baseline(Run::clean, means.clean);
    half.put_baseline(Run::corrupted, means.corrupted);
    half.put({{0, 0, means.per_prompt[0]}, {3, 5, means.per_prompt[3 * 12 + 5]}});
  }
  const Outcome again = place.sweep();
  INFO(again.err);
  REQUIRE(again.code == 0);
  const OrderedJson rows = again.json()["sweeps"];
  const std::vector<std::string> was{
      "done before", "run", "resumed", "done before", "done before", "done before"};
  for (std::size_t i = 0; i < was.size(); ++i) {
    CAPTURE(i);
    CHECK(rows[i]["was"] == was[i]);
    CHECK(rows[i]["seconds"].is_null() == (was[i] == "done before"));
  }
  CHECK(same_values(read_result(place.file("keys")), keys));
  CHECK(same_values(read_result(place.file("ablate-mean-prob")), means));
}

TEST_CASE("Ctrl-C keeps what is done") {
  const Place place;
  put_task(place.folder / "many.jsonl", 4000);
  place.write(spec_of(OrderedJson::parse(R"([
      {"verb": "patch", "name": "short"},
      {"verb": "patch", "name": "long", "plain": true, "over": "layer,head,pos",
       "task": "many.jsonl"}])")));
  const std::string pid = place.folder / "pid";
  auto going = std::async(std::launch::async, [&] {
    return place.sweep("sh -c 'echo $$ >" + pid + "; exec \"$@\"' sh");
  });
  wait_until_sweep_spec_begun(place.file("long"));
  REQUIRE(::kill(std::stoi(contents(pid)), SIGINT) == 0);
  const Outcome outcome = going.get();
  INFO(outcome.err);
  CHECK(outcome.code == 130);
  CHECK_THAT(outcome.err, contains("[2/2] long") && contains("the same command goes on"));
  CHECK(read_result(place.file("short")).complete());
  CHECK_FALSE(read_result(place.file("long")).complete());
}

TEST_CASE("a changed entry is refused before anything runs") {
  const Place place(OrderedJson::parse(R"([{"verb": "patch", "name": "a"}])"));
  REQUIRE(place.sweep().code == 0);
  place.write(spec_of(OrderedJson::parse(R"([{"verb": "ablate", "mode": "zero", "name": "new"},
                                             {"verb": "patch", "site": "q", "name": "a"}])")));
  const Outcome changed = place.sweep();
  CHECK(changed.code == 2);
  CHECK(is_one_line(changed.err));
  CHECK_THAT(changed.err, contains("sweeps[1] (a): ") && contains("site is z there but q here"));
  CHECK_FALSE(std::filesystem::exists(place.file("new")));
}

TEST_CASE("a wrong entry is one line that names it, before anything runs") {
  for (const auto& [entry, code, says] : std::vector<std::tuple<std::string, int, std::string>>{
           {R"({"verb": "patch", "name": "x", "sites": "z"})",
            2,
            "no such option; did you mean site"},
           {R"({"verb": "patch", "name": "x", "site": "zz"})", 2, "--site: zz not in"},
           {R"({"verb": "patch", "name": "x", "site": {"a": 1}})",
            2,
            "site: {\"a\":1} is no value"},
           {R"({"verb": "patch", "name": "x", "site": true})", 2, "site: needs a value"},
           {R"({"verb": "patch", "name": "x", "plain": "yes"})", 2, "plain: is a flag"},
           {R"({"verb": "patch", "name": "x", "output": "x.h5"})", 2, "set \"name\""},
           {R"({"verb": "patch", "name": "x", "seed": 3})", 2, "an option of headscope sweep"},
           {R"({"verb": "patch", "name": "x", "help": true})", 2, "no such option"},
           {R"({"verb": "path-patch", "name": "x"})", 2, "--receiver is required"},
           {R"({"verb": "patch", "task": "none.jsonl", "name": "x"})",
            3,
            "none.jsonl: cannot open the task"},
           {R"({"verb": "patch", "name": "x", "positions": "S9"})",
            2,
            "no such span; did you mean S2?"},
           {R"({"verb": "ablate", "name": "x", "site": "mlp_out"})",
            2,
            "has no heads; use --over layer"},
           {R"({"verb": "path-patch", "name": "x", "receiver": "0.0:q", "plain": true})",
            2,
            "nothing comes before layer 0"},
           {R"({"verb": "attribute", "name": "x", "metric": "rank"})", 2, "has no gradient"},
           {R"({"verb": "attribute", "name": "x", "method": "atp-qk-fix"})",
            2,
            "for --site q and k"},
           {R"({"verb": "patsh"})", 3, "did you mean patch"},
           {R"({"site": "z"})", 3, "\"verb\" is missing"},
           {R"({"verb": "patch", "name": "../x"})", 3, "names a file inside"},
           {R"({"verb": "patch"})", 3, "would both write patch.h5; give one of them a \"name\""}}) {
    const Place place(OrderedJson::parse("[{\"verb\": \"patch\"}, " + entry + "]"));
    const Outcome outcome = place.sweep();
    CAPTURE(entry, outcome.err);
    CHECK(outcome.code == code);
    CHECK(is_one_line(outcome.err));
    CHECK_THAT(outcome.err, contains(says) && contains("sweeps[1]"));
    CHECK_FALSE(std::filesystem::exists(place.file("patch")));
  }
}

TEST_CASE("a file that is no list of sweeps is one line that says why") {
  const Place place;
  const std::string list = ", \"sweeps\": [{\"verb\": \"patch\"}]}";
  for (const auto& [text, says] : std::vector<std::pair<std::string, std::string>>{
           {"{", "malformed JSON"},
           {"[]", "must be an object"},
           {R"({"model": "x", "output": "o", "sweeps": []})", "at least one sweep"},
           {R"({"output": "o")" + list, "\"model\" is missing"},
           {R"({"model": "x", "output": "o", "taks": "t")" + list, "did you mean task"},
           {R"({"model": "x", "output": "o", "output": "p")" + list, "stands twice"},
           {R"({"model": "nowhere", "task": "t", "output": "o")" + list, "nowhere"}}) {
    put(place.folder / "spec.json", text);
    const Outcome outcome = place.sweep();
    CAPTURE(text, outcome.err);
    CHECK(outcome.code == 3);
    CHECK(is_one_line(outcome.err));
    CHECK_THAT(outcome.err, contains(says));
  }
  CHECK(run({"sweep", place.folder / "none.json"}).code == 3);
}

TEST_CASE("entries of a changed model are what their verbs write of it; paths are of the file") {
  const Place place(OrderedJson::parse(R"([
      {"verb": "patch", "over": "layer", "intervene": "edits.json"},
      {"verb": "patch", "over": "layer"},
      {"verb": "path-patch", "receiver": "1.2:q", "senders": "mlps", "intervene": "edits.json"}])"));
  put(place.folder / "edits.json", kNoMlp);
  const Outcome outcome = place.sweep();
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  const std::vector<std::pair<std::string, std::vector<std::string>>> alone{
      {"patch-layer-edits.json", {"patch", "--over", "layer"}},
      {"path-patch-1.2-q-mlps-edits.json",
       {"path-patch", "--receiver", "1.2:q", "--senders", "mlps"}}};
  for (auto [name, words] : alone) {
    CAPTURE(name);
    words.insert(words.begin() + 1, {kSweepSpecModel, "--task", place.folder / "task.jsonl"});
    words.insert(words.end(),
                 {"-o",
                  place.folder / "one.h5",
                  "--overwrite",
                  "--memory",
                  "1GB",
                  "--intervene",
                  place.folder / "edits.json"});
    REQUIRE(run(words).code == 0);
    CHECK(same_values(read_result(place.file(name)), read_result(place.folder / "one.h5")));
  }
  CHECK(read_result(place.file("patch-layer")).clean !=
        read_result(place.file("patch-layer-edits.json")).clean);
  place.write(spec_of(OrderedJson::parse(R"([{"verb": "patch", "intervene": "none.json"}])")));
  const Outcome missing = place.sweep();
  CHECK(missing.code == 3);
  CHECK(missing.err.find("none.json") != std::string::npos);
  put(place.folder / "never.json",
      R"({"version": 1, "interventions": [{"site": "blocks.0.attn.hook_z", "op": "zero",
          "prompts": [0]}]})");
  place.write(spec_of(OrderedJson::parse(R"([{"verb": "patch", "intervene": "never.json"}])")));
  const Outcome chosen = place.sweep();
  CHECK(chosen.code == 2);
  CHECK(chosen.err.find("sweeps[0]") != std::string::npos);
  CHECK(chosen.err.find("not your prompts one by one") != std::string::npos);
}

TEST_CASE("an intervention counts for each entry by itself, and is read before a model is opened") {
  const Place place;
  put(place.folder / "edits.json", R"({"version": 1, "interventions": [{
      "site": "blocks.1.hook_mlp_out", "op": "zero",
      "apply": {"positions": {"tokens": [11]}}}]})");
  std::string lines;  // the second item of put_task(), alone: token 11 stands in no other
  std::istringstream all(contents(place.folder / "task.jsonl"));
  for (std::string line; std::getline(all, line);) {
    lines += line.find("[1, 11,") == std::string::npos ? line + "\n" : "";
  }
  put(place.folder / "other.jsonl", lines);
  place.write(spec_of(OrderedJson::parse(R"([
      {"verb": "patch", "over": "layer", "intervene": "edits.json"},
      {"verb": "ablate", "mode": "zero", "over": "layer", "intervene": "edits.json"},
      {"verb": "patch", "over": "layer", "intervene": "edits.json", "task": "other.jsonl",
       "name": "other"}])")));
  const Outcome outcome = place.sweep();
  INFO(outcome.err);
  CHECK(outcome.code == 2);
  CHECK_THAT(outcome.err, contains("sweeps[2] (other)") && contains("never changed anything"));
  CHECK(read_result(place.file("patch-layer-edits.json")).complete());
  CHECK_FALSE(std::filesystem::exists(place.file("other")));

  put(place.folder / "edits.json", "{\"version\": 1}");
  OrderedJson spec =
      spec_of(OrderedJson::parse(R"([{"verb": "patch", "intervene": "edits.json"}])"));
  spec["model"] = "no-org/no-model";
  place.write(spec);
  const Outcome malformed = place.sweep();
  CHECK(malformed.code == 3);
  CHECK_THAT(malformed.err, contains("sweeps[0]") && contains("edits.json"));
}

TEST_CASE("a session reads a task once and runs its baselines once a metric") {
  const Place place;
  const Model model = load(huggingface_fixture("llama"));
  SweepSession session(model, {std::int64_t{1} << 30, std::int64_t{1} << 30});
  SweepRequest request;
  request.task = place.folder / "task.jsonl";
  const Task& task = session.task(request);
  CHECK(&session.task(request) == &task);
  request.skip_unfit = true;
  CHECK(&session.task(request) != &task);
  const auto baselines = [&](const Model& of, const char* metric) {
    return &session.baselines(of, task, find_metric(metric), kBaselineTokens);
  };
  const Baselines* first = baselines(model, "logit_diff");
  CHECK(baselines(model, "logit_diff") == first);
  CHECK(baselines(model, "prob") != first);
  CHECK(first->clean.size() == 12);
  CHECK(&session.baselines(model, task, find_metric("logit_diff"), 8) != first);
  put(place.folder / "edits.json", kNoMlp);
  CHECK(&session.model(request) == &model);
  request.intervene = place.folder / "edits.json";
  const Model& changed = session.model(request);
  CHECK(&session.model(request) == &changed);
  CHECK(baselines(changed, "logit_diff") == baselines(changed, "logit_diff"));
  CHECK(baselines(changed, "logit_diff")->clean != first->clean);
}
