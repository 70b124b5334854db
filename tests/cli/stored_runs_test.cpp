// record once, then patch, ablate, attribute, dla and detect from the trace, as a user runs them.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "analyses/head_detectors/atlas.h"
#include "analyses/results/result_store.h"
#include "lib/base/json.h"
#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

using Arguments = std::vector<std::string>;

const std::string kLlama = model_path("llama");

// Prompts of two lengths, so that batches are padded; two of each template.
std::string two_lengths(const Folder& folder) {
  std::string lines;
  for (int i = 0; i < 4; ++i) {
    const std::string more = i < 2 ? "" : "9, 8, ";
    lines += fmt::format(
        "{{\"clean_tokens\": [1, {0}, {1}3, 4, 5, 7], \"corrupted_tokens\": [1, {0}, {1}3, 6, 5, "
        "7], "
        "\"answer_tokens\": [{2}], \"wrong_tokens\": [{3}], \"template\": {4}}}\n",
        10 + i,
        more,
        30 + i,
        40 + i,
        i / 2);
  }
  put(folder / "task.jsonl", lines);
  return folder / "task.jsonl";
}

Arguments with(Arguments words, const Arguments& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::string recorded(const Folder& folder, const std::string& name, const Arguments& more) {
  const Outcome outcome = run(with({"record", kLlama, "-o", folder / name}, more));
  CAPTURE(outcome.err);
  REQUIRE(outcome.code == 0);
  return folder / name;
}

// Every prompt's value of every cell.
std::vector<double> cells_of(const Arguments& words) {
  const Outcome outcome = run(with(words, {"--json", "--per-prompt"}));
  CAPTURE(outcome.err);
  REQUIRE(outcome.code == 0);
  std::vector<double> values;
  const OrderedJson json = outcome.json();
  for (const auto& cell : json["cells"]) {
    for (const auto& value : cell["per_prompt"]) {
      values.push_back(value.get<double>());
    }
  }
  return values;
}

// The largest gap, as a part of the largest value where that is above 1.
double cells_apart(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size() || a.size() <= 10) {
    return 1e9;
  }
  double most = 0.0;
  double largest = 1.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double gap = std::abs(a[i] - b[i]);
    most = std::max(most, std::isnan(gap) ? 1e9 : gap);
    largest = std::max(largest, std::abs(a[i]));
  }
  return most / largest;
}

void check_refusal(const Arguments& words, const Arguments& says) {
  const Outcome outcome = run(words);
  CAPTURE(words, outcome.err);
  CHECK(outcome.code == 2);
  CHECK(is_one_line(outcome.err));
  for (const std::string& what : says) {
    CAPTURE(what);
    CHECK(outcome.err.find(what) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("patch --source, ablate --mean-from and --resample-from equal the live runs") {
  const Folder folder;
  const std::string task = two_lengths(folder);
  const std::string z =
      recorded(folder, "z.h5", {"--task", task, "--hooks", "blocks.*.attn.hook_z"});
  const Arguments patch{"patch", kLlama, "--task", task};
  CHECK(cells_apart(cells_of(patch), cells_of(with(patch, {"--source", z}))) < 1e-6);
  const Arguments ablate{"ablate", kLlama, "--task", task};
  CHECK(cells_apart(cells_of(ablate), cells_of(with(ablate, {"--mean-from", z}))) < 1e-6);
  CHECK(cells_apart(cells_of(with(ablate, {"--mode", "resample", "--seed", "3"})),
                    cells_of(with(ablate, {"--resample-from", z, "--seed", "3"}))) < 1e-6);
}

TEST_CASE("a sweep file names traces beside itself, and a result knows which it was made from") {
  const Folder folder;
  const std::string task = two_lengths(folder);
  recorded(folder, "z.h5", {"--task", task, "--hooks", "blocks.*.attn.hook_z"});
  put(folder / "list.json",
      fmt::format("{{\"model\": \"{}\", \"task\": \"task.jsonl\", \"output\": \"out\", \"sweeps\": "
                  "[{{\"verb\": \"patch\", \"source\": \"z.h5\"}}, "
                  "{{\"verb\": \"ablate\", \"mean-from\": \"z.h5\", \"name\": \"mean\"}}]}}",
                  kLlama));
  REQUIRE(run({"sweep", folder / "list.json"}).code == 0);
  const Arguments again{"ablate", kLlama, "--task", task, "-o", folder / "out/mean.h5", "--resume"};
  check_refusal(again, {"source is xxh3:"});  // that file came from a trace
  CHECK(run(with(again, {"--mean-from", folder / "z.h5"})).code == 0);
}

TEST_CASE("dla --trace equals dla, and names the hook points it lacks") {
  const Folder folder;
  const std::string task = two_lengths(folder);
  const Arguments dla{"dla", kLlama, "--task", task};
  const std::string z =
      recorded(folder, "z.h5", {"--task", task, "--hooks", "blocks.*.attn.hook_z"});
  const Outcome lacking = run(with(dla, {"--trace", z}));
  CHECK(lacking.code == 2);
  CHECK(is_one_line(lacking.err));
  // What the message says to record is what it takes.
  const auto from = lacking.err.find("headscope record");
  REQUIRE(from != std::string::npos);
  std::string command = lacking.err.substr(from + std::string("headscope").size());
  command.replace(command.find("FILE.h5"), 7, folder / "all.h5");
  command.pop_back();
  REQUIRE(
      std::system((std::string(HEADSCOPE_BINARY_DIR) + "/headscope" + command + " >/dev/null 2>&1")
                      .c_str()) == 0);
  const auto shares = [&](const Arguments& words) {
    std::vector<double> values;
    const OrderedJson json = run(with(words, {"--json", "--per-prompt"})).json();
    for (const auto& cell : json["cells"]) {
      for (const auto& value : cell["per_prompt"]) {
        values.push_back(value.is_null() ? 0.0 : value.get<double>());
      }
    }
    return values;
  };
  CHECK(cells_apart(shares(dla), shares(with(dla, {"--trace", folder / "all.h5"}))) < 1e-6);
}

TEST_CASE("attribute --trace reads both runs, in either order") {
  const Folder folder;
  const std::string task = two_lengths(folder);
  const std::string clean =
      recorded(folder, "clean.h5", {"--task", task, "--hooks", "blocks.*.attn.hook_z"});
  const std::string corrupted = recorded(folder,
                                         "corrupted.h5",
                                         {"--task",
                                          task,
                                          "--run",
                                          "corrupted",
                                          "--hooks",
                                          "blocks.*.attn.hook_z",
                                          "--hooks",
                                          "blocks.*.attn.hook_z_grad"});
  const Arguments attribute{"attribute", kLlama, "--task", task};
  const Arguments both{"--trace", corrupted, "--trace", clean};
  CHECK(cells_apart(cells_of(attribute), cells_of(with(attribute, both))) < 1e-6);
  check_refusal(with(attribute, {"--trace", clean}), {"the corrupted run's is missing"});
  check_refusal(with(attribute, {"--trace", clean, "--trace", clean}),
                {"a second trace of the clean run"});
  check_refusal(with(with(attribute, both), {"--method", "ig"}), {"--method atp"});
  check_refusal(with(with(attribute, both), {"--metric", "prob"}),
                {"gradients_of is logit_diff there but prob here"});
}

TEST_CASE("detect writes its prompts, and scores heads on the trace of them") {
  const Folder folder;
  const Arguments detect{
      "detect", kLlama, "--detectors", "first_token_sink,delimiter", "--seeds", "1"};
  REQUIRE(run(with(detect, {"--write-prompts", folder / "probes.jsonl"})).code == 0);
  const std::string trace = recorded(folder,
                                     "p.h5",
                                     {"--prompts",
                                      folder / "probes.jsonl",
                                      "--hooks",
                                      "blocks.*.attn.hook_pattern",
                                      "--logits",
                                      "none"});
  REQUIRE(run(with(detect, {"-o", folder / "live.h5"})).code == 0);
  REQUIRE(run(with(detect, {"-o", folder / "read.h5", "--trace", trace})).code == 0);
  const Atlas live = read_atlas(folder / "live.h5");
  const Atlas read = read_atlas(folder / "read.h5");
  for (const char* name : {"first_token_sink", "delimiter"}) {
    CHECK(cells_apart(live.find(name)->score.values, read.find(name)->score.values) < 1e-6);
    CHECK(cells_apart(live.find(name)->control.values, read.find(name)->control.values) < 1e-6);
  }
  check_refusal(with(detect, {"--trace", trace, "--seed", "9"}),
                {"is not in it", "--seeds 1 --seed 9 --write-prompts probes.jsonl"});
  check_refusal({"detect", kLlama, "--detectors", "copying", "--trace", trace},
                {"copying: runs the model itself"});
}

TEST_CASE("of a changed model only traces of the model changed alike are read") {
  const Folder folder;
  const std::string task = two_lengths(folder);
  const std::string edits = folder / "edits.json";
  put(edits,
      R"({"version": 1, "interventions": [{"site": "blocks.*.attn.hook_v", "op": "scale", "factor": -1.5}]})");
  const Arguments change{"--intervene", edits};
  const Arguments of_task{"--task", task, "--hooks", "blocks.*.attn.hook_z"};
  const std::string z = recorded(folder, "z.h5", with(of_task, change));
  const std::string own = recorded(folder, "own.h5", of_task);
  const std::string corrupted = recorded(
      folder,
      "corrupted.h5",
      with(with(of_task, change), {"--run", "corrupted", "--hooks", "blocks.*.attn.hook_z_grad"}));
  const auto equal = [&](const std::string& verb, const Arguments& trace) {
    CAPTURE(verb);
    const Arguments live = with({verb, kLlama, "--task", task}, change);
    CHECK(cells_apart(cells_of(live), cells_of(with(live, trace))) < 1e-6);
    CHECK(cells_apart(cells_of(live), cells_of({verb, kLlama, "--task", task})) > 1e-3);
  };
  equal("patch", {"--source", z});
  equal("ablate", {"--mean-from", z});
  equal("attribute", {"--trace", z, "--trace", corrupted});
  const Arguments patch{"patch", kLlama, "--task", task};
  check_refusal(with(patch, {"--source", z}),
                {"recorded of a model changed by interventions", "headscope record"});
  check_refusal(with(with(patch, {"--source", own}), change),
                {"recorded of the unchanged model", "--intervene " + edits + " -o FILE.h5"});
  put(edits,
      R"({"version": 1, "interventions": [{"site": "blocks.*.attn.hook_v", "op": "scale", "factor": 2}]})");
  check_refusal(with(with({"ablate", kLlama, "--task", task}, {"--mean-from", z}), change),
                {"recorded with other interventions"});
}

TEST_CASE("traces of another model, run or file are refused before any work") {
  const Folder folder;
  const std::string task = two_lengths(folder);
  const std::string z =
      recorded(folder, "z.h5", {"--task", task, "--hooks", "blocks.*.attn.hook_z"});
  const Arguments patch{"patch", kLlama, "--task", task, "-o", folder / "r.h5"};
  check_refusal(
      {"patch", model_path("qwen3"), "--task", task, "--source", z},
      {"of another model", "headscope record", "--run clean --hooks 'blocks.*.attn.hook_z'"});
  check_refusal(with(patch, {"--source", z, "--site", "q"}),
                {"blocks.0.attn.hook_rot_q was not recorded"});
  check_refusal(with(patch, {"--source", z, "--from", "corrupted"}),
                {"prompt 0 of 4 (6 tokens) is not in it", "--run corrupted"});
  check_refusal(with(patch, {"--source", z, "--dtype", "bf16"}),
                {"dtype is f32 there but bf16 here", "--dtype bf16"});
  check_refusal({"ablate", kLlama, "--task", task, "--mean-from", z, "--mode", "zero"},
                {"--mean-from is for --mode mean, not zero"});
  CHECK(run(with(patch, {"--source", folder / "none.h5"})).code == 3);
  CHECK_FALSE(std::filesystem::exists(folder / "r.h5"));
}

TEST_CASE("an option that names no file is an error, not the absence of one") {
  const Folder folder;
  const std::string task = two_lengths(folder);
  for (const Arguments& words : std::vector<Arguments>{{"patch", "--source="},
                                                       {"ablate", "--mean-from="},
                                                       {"attribute", "--trace="},
                                                       {"patch", "--intervene="}}) {
    const Outcome outcome = run({words[0], kLlama, "--task", task, words[1]});
    CAPTURE(words[0], words[1], outcome.err);
    CHECK(outcome.code == 2);
    CHECK(is_one_line(outcome.err));
    CHECK_THAT(outcome.err, contains("names no file"));
  }
}

TEST_CASE("what is wrong with a sweep costs no finished result") {
  const Folder folder;
  const std::string task = two_lengths(folder);
  const Arguments patch{"patch", kLlama, "--task", task, "-o", folder / "p.h5"};
  REQUIRE(run(patch).code == 0);
  const Result kept = read_result(folder / "p.h5");
  for (const Arguments& wrong :
       std::vector<Arguments>{{"--positions", "77"}, {"--memory", "1KB"}}) {
    CAPTURE(wrong[0]);
    CHECK(run(with(with(patch, wrong), {"--overwrite"})).code != 0);
    CHECK(read_result(folder / "p.h5").per_prompt == kept.per_prompt);
  }
  // A query does not see the key after it: the mask changes nothing, and nothing is left.
  put(folder / "unseen.json",
      R"({"version": 1, "interventions": [{"site": "blocks.0.attn.hook_attn_scores", "op": "mask",
          "pairs": [[0, 1]]}]})");
  const Outcome unfired = run({"patch",
                               kLlama,
                               "--task",
                               task,
                               "--intervene",
                               folder / "unseen.json",
                               "-o",
                               folder / "q.h5"});
  CHECK(unfired.code == 2);
  CHECK_THAT(unfired.err, contains("never changed anything"));
  CHECK_FALSE(std::filesystem::exists(folder / "q.h5"));
}
