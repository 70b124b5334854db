// sae circuit as a user runs it: live, from traces, and with what it refuses.
#include <fmt/format.h>

#include "lib/base/json.h"
#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const std::string kSaeModel = model_path("llama");

std::string small_task(const Folder& folder) {
  std::string lines;
  for (int i = 0; i < 6; ++i) {
    lines += fmt::format(
        "{{\"clean_tokens\": [1, {0}, 3, 4, 5, {0}], \"corrupted_tokens\": [1, {0}, 3, 6, 5, {1}], "
        "\"answer_tokens\": [{2}], \"wrong_tokens\": [{3}]}}\n",
        10 + i,
        20 + i,
        30 + i,
        40 + i);
  }
  put(folder / "task.jsonl", lines);
  return folder / "task.jsonl";
}

std::vector<std::string> sae_circuit(const std::string& task,
                                     const std::vector<std::string>& more) {
  std::vector<std::string> words{"sae",
                                 "circuit",
                                 kSaeModel,
                                 "--task",
                                 task,
                                 "--scale",
                                 "rms",
                                 "--codes",
                                 "20",
                                 "--epochs",
                                 "60",
                                 "--examples",
                                 "8",
                                 "--threads",
                                 "1",
                                 "--json"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Json answer(const std::vector<std::string>& words) {
  const Outcome outcome = run(words);
  CAPTURE(outcome.err);
  REQUIRE(outcome.code == 0);
  return parse_json(outcome.out, "standard output");
}

}  // namespace

TEST_CASE("sae circuit from two traces is that of the model", "[cli]") {
  const Folder folder;
  const std::string task = small_task(folder);
  const Json live = answer(sae_circuit(task, {"--known", "0.1,1.0", "--seeds", "2"}));
  std::vector<std::string> traces;
  for (const std::string run_name : {"clean", "corrupted"}) {
    const std::string trace = folder / (run_name + ".h5");
    const Outcome recorded = run({"record",
                                  kSaeModel,
                                  "--task",
                                  task,
                                  "--run",
                                  run_name,
                                  "--hooks",
                                  "blocks.*.attn.hook_z",
                                  "--logits",
                                  "none",
                                  "-o",
                                  trace});
    CAPTURE(recorded.err);
    REQUIRE(recorded.code == 0);
    traces.insert(traces.end(), {"--" + run_name + "-trace", trace});
  }
  traces.insert(traces.end(), {"--known", "0.1,1.0", "--seeds", "2"});
  const Json stored = answer(sae_circuit(task, traces));
  CHECK(stored["nodes"] == live["nodes"]);
  CHECK(stored["node_auc"] == live["node_auc"]);
  CHECK(live["node_auc"].size() == 2);
  CHECK(live["seeds"][0]["seed"] == 0);
  CHECK(live["provenance"]["seed"] == 0);

  // A trace of the other run is refused with the command that records the right one.
  const Outcome swapped = run(sae_circuit(task, {"--clean-trace", traces[3]}));
  CHECK(swapped.code == 2);
  CHECK_THAT(swapped.err, contains("--run clean"));
}

TEST_CASE("sae circuit writes its file once, and refuses what it cannot judge by", "[cli]") {
  const Folder folder;
  const std::string task = small_task(folder);
  const std::string out = folder / "codes.json";
  const Json shown = answer(sae_circuit(task, {"-o", out}));
  CHECK(read_json(out) == shown);
  CHECK(!shown.contains("node_auc"));
  CHECK(run(sae_circuit(task, {"-o", out})).code == 2);
  CHECK(run(sae_circuit(task, {"-o", out, "--overwrite"})).code == 0);

  const Outcome absent = run(sae_circuit(task, {"--known", "7.0"}));
  CHECK(absent.code == 2);
  CHECK_THAT(absent.err, contains("7.0"));
  put(folder / "truth.json", R"({"nodes": ["input", "m0", "logits"]})");
  CHECK_THAT(run(sae_circuit(task, {"--known", folder / "truth.json"})).err,
             contains("names no head"));
  put(folder / "truth.json", R"({"nodes": ["input", "a0.h1", "logits"]})");
  CHECK(answer(sae_circuit(task, {"--known", folder / "truth.json"}))["node_auc"].size() == 1);
}

TEST_CASE("Verbs of two words are told apart and explain themselves", "[cli]") {
  const Outcome bare = run({"sae"});
  CHECK(bare.code == 2);
  CHECK_THAT(bare.out, contains("circuit"));
  CHECK(run({"sae", "--help"}).code == 0);
  CHECK(run({"sae", "circuit", "--help"}).code == 0);
  CHECK_THAT(run({"sae", "circut"}).err, contains("did you mean circuit"));
  CHECK_THAT(run({"sae", "circuit", "--know", "1.0"}).err,
             contains("headscope sae circuit --help"));
}
