// The verbs of circuits as a user runs them, one after the other, and what they refuse.
#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "lib/base/json.h"
#include "tests/cli/program.h"
#include "tests/render/page_dom.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

std::string task_of_tokens(const Folder& folder) {
  std::string lines;
  for (int i = 0; i < 2; ++i) {
    lines += fmt::format(
        "{{\"clean_tokens\": [1, {0}, 3, 4, {0}], \"corrupted_tokens\": [1, {1}, 3, 4, {0}], "
        "\"answer_tokens\": [30], \"wrong_tokens\": [40]}}\n",
        10 + i,
        20 + i);
  }
  put(folder / "task.jsonl", lines);
  return folder / "task.jsonl";
}

Json told(std::vector<std::string> words) {
  words.insert(words.end(), {"--threads", "1", "--json"});
  const Outcome outcome = run(words);
  CAPTURE(outcome.err);
  REQUIRE(outcome.code == 0);
  return parse_json(outcome.out, "standard output");
}

}  // namespace

TEST_CASE("a circuit is found, run, drawn, compared, and judged by what is known") {
  const Folder folder;
  const std::string model = model_path("llama3_gqa_tied");
  const std::string task = task_of_tokens(folder);
  const std::string graph = folder / "graph.json";
  const Json found = told({"circuit",
                           "find",
                           model,
                           "--task",
                           task,
                           "--method",
                           "eap",
                           "--exact",
                           "20",
                           "--size",
                           "30",
                           "-o",
                           graph});
  CHECK(found["exact"]["edges"] == 20);
  CHECK(found["circuit_edges"] > 0);

  const Json file = read_json(graph);
  CHECK(file["headscope"]["method"] == "eap");
  CHECK(file["headscope"].contains("weights_hash"));
  CHECK(file["edges"].size() == found["edges"]);
  std::int64_t zeros = 0;
  for (const auto& [name, edge] : file["edges"].items()) {
    zeros += edge["score"] == 0.0 ? 1 : 0;
    CHECK((edge["score"] != 0.0 || edge["in_graph"] == false));
  }
  CHECK(found["zero_scores"] == zeros);
  CHECK(zeros > 0);

  const Json same = told({"circuit", "overlap", graph, graph});
  CHECK(same["sets"][0]["jaccard"] == 1.0);
  for (const char* name : {"c.html", "c.svg", "c.dot", "c.json"}) {
    CHECK(told({"circuit", "show", graph, "-o", folder / name})["edges"] == found["circuit_edges"]);
    CHECK(contents(folder / name).find("logits") != std::string::npos);
  }
  const std::string dom = page_dom(folder / "", "c.html", "#edges=7");
  CHECK_THAT(dom, contains("data-ready=\"1\"") && !contains("data-error"));
  CHECK(page_number(dom, "edges") == 7);
  CHECK(page_number(dom, "lit") == 0);
  const std::string held = page_dom(folder / "", "c.html", "#node=logits");
  CHECK(page_number(held, "lit") > 0);  // those of the node that the link holds, and no others
  CHECK(page_number(held, "lit") < page_number(held, "edges"));
  put(folder / "truth.json",
      R"({"format": "headscope-truth", "nodes": ["input"], "edges": ["input->logits"]})");
  const Json roc = told({"circuit", "roc", "--graph", graph, "--truth", folder / "truth.json"});
  CHECK(roc["edges"]["true"] == 1);
  CHECK(roc["edges"]["auc"] >= 0.0);
  const Json stable = told({"circuit",
                            "stability",
                            model,
                            "--task",
                            task,
                            "--method",
                            "eap",
                            "--bootstraps",
                            "5",
                            "--size",
                            "30"});
  CHECK(stable["jaccard"] > 0.0);
}

TEST_CASE("a circuit of another model, and a file in the way, are refused") {
  const Folder folder;
  const std::string task = task_of_tokens(folder);
  const std::string graph = folder / "graph.json";
  const std::vector<std::string> find{"circuit",
                                      "find",
                                      model_path("gpt2"),
                                      "--task",
                                      task,
                                      "--method",
                                      "random",
                                      "-o",
                                      graph,
                                      "--threads",
                                      "1"};
  REQUIRE(run(find).code == 0);
  const Outcome again = run(find);
  CHECK(again.code == 2);
  CHECK_THAT(again.err, contains("--overwrite"));
  const Outcome other =
      run({"circuit", "eval", model_path("llama"), "--graph", graph, "--task", task});
  CHECK(other.code == 3);
  CHECK_THAT(other.err, contains("another model"));
  CHECK(std::count(other.err.begin(), other.err.end(), '\n') == 1);
  const Outcome picture = run({"circuit", "show", graph, "-o", folder / "c.png"});
  CHECK(picture.code == 2);
}

TEST_CASE("outputs of circuits take the place of their own kind alone") {
  const Folder folder;
  const std::string task = task_of_tokens(folder);
  const std::string before = contents(task);
  const std::vector<std::string> find{
      "circuit", "find", model_path("gpt2"), "--task", task, "--method", "random"};
  std::vector<std::string> over_task = find;
  over_task.insert(over_task.end(), {"-o", task, "--overwrite"});
  const Outcome lost = run(over_task);
  CHECK(lost.code == 2);
  CHECK_THAT(lost.err, contains("not a headscope graph"));
  const std::string graph = folder / "graph.json";
  std::vector<std::string> over_graph = find;
  over_graph.insert(over_graph.end(),
                    {"--size", "200", "-o", graph, "--overwrite", "--threads", "1"});
  REQUIRE(run(over_graph).code == 0);
  REQUIRE(run(over_graph).code == 0);
  for (const char* name : {"a.html", "a.svg", "a.dot", "a.json"}) {
    put(folder / name, before);
    const std::vector<std::string> show{
        "circuit", "show", graph, "-o", folder / name, "--overwrite"};
    CHECK(run(show).code == 2);
    CHECK(contents(folder / name) == before);
    std::filesystem::remove(folder / name);
    CHECK(run(show).code == 0);
    CHECK(run(show).code == 0);
  }
  CHECK(
      run({"sae", "circuit", model_path("gpt2"), "--task", task, "-o", task, "--overwrite"}).code ==
      2);
  CHECK(contents(task) == before);
}

TEST_CASE("a graph with a node that the model lacks, and numbers that are none, are refused") {
  const Folder folder;
  const std::string task = task_of_tokens(folder);
  const std::string graph = folder / "graph.json";
  const std::vector<std::string> find{
      "circuit", "find", model_path("gpt2"), "--task", task, "--threads", "1"};
  std::vector<std::string> random = find;
  random.insert(random.end(), {"--method", "random", "-o", graph});
  REQUIRE(run(random).code == 0);
  Json other = read_json(graph);
  other["nodes"]["a9.h9"] = {{"in_graph", true}};
  put(folder / "other.json", other.dump());
  const Outcome unknown =
      run({"circuit", "show", folder / "other.json", "-o", folder / "other.html"});
  CHECK(unknown.code == 3);
  CHECK_THAT(unknown.err, contains("a9.h9"));
  std::vector<std::string> nan = find;
  nan.insert(nan.end(), {"--method", "acdc", "--thresholds", "nan", "-o", folder / "n.json"});
  const Outcome thresholds = run(nan);
  CHECK(thresholds.code == 2);
  CHECK_THAT(thresholds.err, contains("--thresholds"));
  CHECK(run({"sae", "circuit", model_path("gpt2"), "--task", task, "--l1", "nan"}).code == 2);
}
