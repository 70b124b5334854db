// operator and --attention, as a user runs them.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const std::string kPlannedModel = model_path("llama");

std::string operator_plan_file(const Folder& folder, const std::string& choice) {
  put(folder / "plan.json",
      R"({"format": "headscope-attention-plan", "version": 1, "operators": [{"layers": [0, 2],
          "heads": [1, 3], )" +
          choice + "}]}");
  return folder / "plan.json";
}

std::string operator_prompts(const Folder& folder) {
  put(folder / "prompts.jsonl",
      "{\"tokens\": [5, 6, 7, 8, 9, 10, 11]}\n{\"tokens\": [9, 10, 4, 5]}\n");
  return folder / "prompts.jsonl";
}

}  // namespace

TEST_CASE("operator list and show tell what there is") {
  const auto list = run({"operator", "list", "--json"}).json();
  CHECK(list["operators"][0]["operator"] == "streaming");
  CHECK(run({"operator", "show", "streaming"}).out.find("i − j < local") != std::string::npos);
  const auto typo = run({"operator", "show", "streming"});
  CHECK(typo.code == 2);
  CHECK_THAT(typo.err, contains("did you mean streaming"));
}

TEST_CASE("an operator is measured, planned around the heads it costs most, and run") {
  const Folder folder;
  const std::string prompts = operator_prompts(folder);
  const auto measured = run({"operator",
                             "measure",
                             kPlannedModel,
                             "--operator",
                             "window:local=2",
                             "--prompts",
                             prompts,
                             "-o",
                             folder / "m.h5",
                             "--json"});
  REQUIRE(measured.code == 0);
  const auto heads = measured.json()["heads"];
  CHECK(heads.size() == 12);
  CHECK(std::filesystem::exists(folder / "m.kl.h5"));
  CHECK(std::filesystem::exists(folder / "m.svg"));
  CHECK(run({"inspect", folder / "m.h5"}).code == 0);
  const auto plan = run({"operator",
                         "plan",
                         kPlannedModel,
                         "--method",
                         "greedy",
                         "--from",
                         folder / "m.h5",
                         "--budget",
                         "0.25",
                         "--operator",
                         "window:local=2",
                         "-o",
                         folder / "plan.json",
                         "--json"});
  REQUIRE(plan.code == 0);
  REQUIRE(plan.json()["kept_kv_heads"].size() == 3);
  bool best_is_kept = false;
  const auto planned = plan.json();
  for (const auto& head : planned["kept_kv_heads"]) {
    const std::string name = fmt::format("{}.{}", head["layer"].dump(), head["head"].dump());
    best_is_kept = best_is_kept || heads[0]["head"] == name;
  }
  CHECK(best_is_kept);
  const auto judged = run({"operator",
                           "eval",
                           kPlannedModel,
                           "--attention",
                           folder / "plan.json",
                           "--prompts",
                           prompts,
                           "--draws",
                           "1",
                           "--json"});
  REQUIRE(judged.code == 0);
  CHECK(judged.json()["effects"].size() == 2);
  const auto written = run({"generate",
                            kPlannedModel,
                            "--attention",
                            folder / "plan.json",
                            "--prompts",
                            prompts,
                            "--max-tokens",
                            "3",
                            "--json"});
  REQUIRE(written.code == 0);
  CHECK(written.json()["provenance"]["attention"]["operators"].size() > 0);
}

TEST_CASE("sweeps of a model with a plan are by shortcuts what they are by whole passes") {
  const Folder folder;
  const std::string plan =
      operator_plan_file(folder, R"("operator": "streaming", "sink": 1, "local": 2)");
  std::string task;
  for (int i = 0; i < 3; ++i) {
    task += fmt::format(
        "{{\"clean_tokens\": [1, 1{0}, 3, 4, 5, 2{0}, 7], \"corrupted_tokens\": [1, 1{0}, 3, 4, 6, "
        "2{0}, 7], \"answer_tokens\": [3{0}], \"wrong_tokens\": [4{0}]}}\n",
        i);
  }
  put(folder / "task.jsonl", task);
  const auto values = [&](std::vector<std::string> more) {
    std::vector<std::string> words{
        "patch", kPlannedModel, "--task", folder / "task.jsonl", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = run(words);
    REQUIRE(outcome.code == 0);
    std::vector<double> all;
    const auto result = outcome.json();
    for (const auto& cell : result["cells"]) {
      all.push_back(cell["value"].get<double>());
    }
    return all;
  };
  const std::vector<double> fast = values({"--attention", plan});
  const std::vector<double> slow = values({"--attention", plan, "--plain"});
  const std::vector<double> without = values({});
  REQUIRE(fast.size() == 12);
  double apart = 0.0, moved = 0.0;
  for (std::size_t i = 0; i < fast.size(); ++i) {
    apart = std::max(apart, std::abs(fast[i] - slow[i]));
    moved = std::max(moved, std::abs(fast[i] - without[i]));
  }
  CHECK(apart < 1e-5);
  CHECK(moved > 1e-4);
}

TEST_CASE("an operator that models are trained with is told of, and files under plans are apart") {
  const Folder folder;
  const std::string prompts = operator_prompts(folder);
  const std::string plan = operator_plan_file(folder, R"("operator": "sigmoid")");
  const auto told =
      run({"predict", kPlannedModel, "--prompt", "a b", "--attention", plan, "--json"});
  REQUIRE(told.code == 0);
  CHECK_THAT(told.err, contains("was not"));
  CHECK(told.json()["attention"]["untrained"].size() == 1);
  const std::vector<std::string> record{"record",
                                        kPlannedModel,
                                        "--prompts",
                                        prompts,
                                        "--hooks",
                                        "blocks.*.attn.hook_z",
                                        "-o",
                                        folder / "t.h5"};
  auto under_plan = record;
  under_plan.insert(under_plan.end(), {"--attention", plan});
  REQUIRE(run(under_plan).code == 0);
  auto without = record;
  without.emplace_back("--resume");
  const auto refused = run(without);
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, contains("attention_hash"));
}

TEST_CASE("gates are never written over another file, a model's config.json above all") {
  const Folder folder;
  put(folder / "config.json", R"({"model_type": "llama"})");
  const auto refused = run({"operator", "gates", kPlannedModel, "-o", folder / "", "--overwrite"});
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, contains("config.json") && contains("is not replaced"));
  CHECK(contents(folder / "config.json") == R"({"model_type": "llama"})");
}

TEST_CASE("a grid of operators is measured, goes on, and what is wrong with one is named") {
  const Folder folder;
  const std::string prompts = operator_prompts(folder);
  const auto grid = [&](const std::string& operators) {
    put(folder / "grid.json",
        R"({"format": "headscope-operator-grid", "version": 1, "operators": )" + operators + "}");
    return std::string(folder / "grid.json");
  };
  const auto sweep = [&](const std::string& file, const std::vector<std::string>& more) {
    std::vector<std::string> words{
        "operator", "sweep", kPlannedModel, file, "--prompts", prompts, "-o", folder / "out"};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  };
  const std::string good =
      grid(R"(["sigmoid", {"operator": "streaming", "sink": [0, 1], "local": [2, 3]}])");
  const auto swept = sweep(good, {"--json"});
  REQUIRE(swept.code == 0);
  const auto json = swept.json();
  REQUIRE(json["operators"].size() == 5);
  CHECK(json["operators"][1]["operator"] == "streaming:sink=0,local=2");
  CHECK(json["operators"][4]["density"] > json["operators"][1]["density"]);
  CHECK(json["untrained"].size() == 1);
  CHECK(std::filesystem::exists(folder / "out/streaming-sink1-local3.kl.h5"));
  CHECK_THAT(sweep(good, {}).err, contains("--resume goes on with it"));
  const auto again = sweep(good, {"--resume", "--json"});
  REQUIRE(again.code == 0);
  CHECK(again.json()["operators"] == json["operators"]);
  const auto refused = [&](const std::string& operators, const std::string& why) {
    CAPTURE(operators);
    const auto answer = sweep(grid(operators), {"--resume"});
    CHECK(answer.code == 3);
    CHECK_THAT(answer.err, contains(why));
  };
  refused("[]", "no list of operators");
  refused(R"(["window:local=2", "window:local=2"])", "operators[1]: window:local=2 comes twice");
  refused(R"([{"operator": "window", "local": []}])", "empty list");
  refused(R"([{"operator": "window", "local": "x"}])", "not a number");
  refused(R"([{"local": 2}])", "\"operator\", the name of one, is missing");
  refused(R"([{"operator": "window", "local": 0}])", "at least 1");
  refused("[3]", "neither");
}

TEST_CASE("spans are planned from texts, and a plan's cache keeps fewer bytes") {
  const Folder folder;
  const std::string prompts = operator_prompts(folder);
  const auto moa = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{
        "operator", "plan", kPlannedModel, "--method", "moa", "--budget", "0.97"};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  };
  const auto made = moa({"--prompts", prompts, "-o", folder / "moa.json", "--json"});
  REQUIRE(made.code == 0);
  CHECK(made.json()["parts"][0]["operator"].get<std::string>().starts_with("span:"));
  CHECK_THAT(moa({"--prompts", prompts, "-o", folder / "moa.tsv"}).err, contains("cannot say"));
  CHECK_THAT(moa({"-o", folder / "no.json"}).err, contains("needs texts"));
  CHECK_THAT(run({"operator",
                  "plan",
                  kPlannedModel,
                  "--method",
                  "random",
                  "--budget",
                  "0.5",
                  "--prompts",
                  prompts,
                  "-o",
                  folder / "no.json"})
                 .err,
             contains("--method moa"));
  put(folder / "stream.json",
      R"({"format": "headscope-attention-plan", "version": 1, "operators": [{"layers": "all",
          "heads": [0, 1, 2, 3], "operator": "streaming", "sink": 1, "local": 3}]})");
  const auto written = [&](const std::string& kept) {
    const auto answer = run({"generate",
                             kPlannedModel,
                             "--prompts",
                             prompts,
                             "--max-tokens",
                             "20",
                             "--ignore-end",
                             "--attention",
                             folder / "stream.json",
                             "--kv-cache",
                             kept,
                             "--json"});
    REQUIRE(answer.code == 0);
    return answer.json();
  };
  const auto ring = written("plan");
  const auto whole = written("whole");
  const auto tokens_of = [](const auto& json) {
    std::vector<int> tokens;
    for (const auto& prompt : json["prompts"]) {
      for (const auto& token : prompt["texts"][0]["tokens"]) {
        tokens.push_back(token["token"].template get<int>());
      }
    }
    return tokens;
  };
  CHECK(tokens_of(ring).size() == 40);
  CHECK(tokens_of(ring) == tokens_of(whole));
  CHECK(whole["kv_bytes"] == whole["kv_bytes_whole"]);
  CHECK(ring["kv_bytes_whole"] == whole["kv_bytes_whole"]);
  CHECK(ring["kv_bytes"].get<double>() < 0.4 * whole["kv_bytes"].get<double>());
}
