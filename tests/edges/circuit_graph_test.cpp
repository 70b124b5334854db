// Graph files, and the circuits chosen of their scores.
#include "analyses/edges/circuit_graph.h"

#include <cmath>
#include <fstream>
#include <map>

#include "analyses/edges/compare_circuits.h"
#include "analyses/edges/kv_heads.h"
#include "analyses/edges/neuronpedia_graph.h"
#include "analyses/edges/select.h"
#include "analyses/edges/truth.h"
#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace headscope;

namespace {

CircuitGraph small_graph() {
  CircuitGraph graph{.graph = EdgeGraph({.n_layers = 2, .n_heads = 2, .d_model = 8}),
                     .scores = {},
                     .edges = {},
                     .made = {{"method", "eap"}, {"weights_hash", "xxh3:1"}}};
  for (std::int64_t i = 0; i < graph.graph.n_edges(); ++i) {
    graph.scores.push_back(std::sin(static_cast<double>(7 * i)));
  }
  graph.edges = select_circuit(graph, 12, SelectBy::absolute_top);
  return graph;
}

std::size_t place(const CircuitGraph& graph, const std::string& edge) {
  return static_cast<std::size_t>(graph.graph.index(parse_edge(edge)));
}

void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

}  // namespace

TEST_CASE("a graph comes back from its file, of edges and of nodes") {
  const TempFolder folder;
  CircuitGraph graph = small_graph();
  const auto path = folder.file("graph.json");
  for (const CircuitLevel level : {CircuitLevel::edge, CircuitLevel::node}) {
    graph.level = level;
    graph.scores.resize(level == CircuitLevel::edge ? graph.scores.size() : 7);
    write_circuit_graph(graph, path);
    const CircuitGraph back = read_circuit_graph(path);
    CHECK(back.level == level);
    CHECK(back.scores == graph.scores);  // every digit
    CHECK(back.edges == graph.edges);
    CHECK(back.graph.shape() == graph.graph.shape());
    CHECK(back.made == graph.made);
  }
}

TEST_CASE("what is wrong with a graph file is said in one line") {
  const TempFolder folder;
  const CircuitGraph graph = small_graph();
  const auto path = folder.file("graph.json");
  write_circuit_graph(graph, path);
  const Json good = read_json(path);
  const auto refused = [&](const char* why, const auto& edit) {
    CAPTURE(why);
    Json bad = good;
    edit(bad);
    write_text(path, bad.dump());
    CHECK_THROWS_WITH(read_circuit_graph(path), contains(why));
    CHECK_THROWS_AS(read_circuit_graph(path), DataError);
  };
  refused("no graph", [](Json& json) { json.erase("edges"); });
  refused("\"n_heads\"", [](Json& json) { json["cfg"]["n_heads"] = -1; });
  refused("a9.h0", [](Json& json) { json["edges"]["a9.h0->logits"] = {{"score", 1}}; });
  refused("edges, but", [](Json& json) { json["edges"].erase("input->logits"); });
  refused("is no edge", [](Json& json) { json["edges"]["input"] = {{"score", 1}}; });
  refused("a number", [](Json& json) { json["edges"]["input->logits"]["score"] = nullptr; });
  refused("true or false", [](Json& json) { json["edges"]["input->m0"]["in_graph"] = 1; });
  refused("\"score\"", [](Json& json) {
    for (auto& [name, edge] : json["edges"].items()) {
      edge.erase("score");
    }
  });
  CHECK_THROWS_WITH(check_graph_of(graph, {.n_layers = 3, .n_heads = 2, .d_model = 8}, "", path),
                    contains("another model"));
  CHECK_THROWS_WITH(check_graph_of(graph, graph.graph.shape(), "xxh3:2", path),
                    contains("another model of this shape"));
  CHECK_NOTHROW(check_graph_of(graph, graph.graph.shape(), "xxh3:1", path));
}

TEST_CASE("circuits are the best edges by value, by size, or by what leads to the logits") {
  CircuitGraph graph = small_graph();
  graph.scores.assign(graph.scores.size(), 0.0);
  graph.scores[place(graph, "input->logits")] = 1.0;
  graph.scores[place(graph, "a1.h0->logits")] = 2.0;
  graph.scores[place(graph, "input->a1.h0<v>")] = -5.0;
  graph.scores[place(graph, "input->a0.h0<q>")] = 9.0;  // leads nowhere
  const auto names = [&](const EdgeSet& edges) {
    std::vector<std::string> list;
    for (std::size_t i = 0; i < edges.size(); ++i) {
      if (edges[i]) {
        list.push_back(graph_name(graph.graph.edge(static_cast<std::int64_t>(i))));
      }
    }
    return list;
  };
  using Names = std::vector<std::string>;
  CHECK(names(select_circuit(graph, 3, SelectBy::signed_top)) == Names{"input->logits"});
  CHECK(names(select_circuit(graph, 3, SelectBy::absolute_top)) ==
        Names{"input->a1.h0<v>", "a1.h0->logits"});
  CHECK(names(select_circuit(graph, 3, SelectBy::greedy)) ==
        Names{"input->a1.h0<v>", "input->logits", "a1.h0->logits"});
  CHECK(select_circuit(graph, 1'000'000, SelectBy::greedy) == all_edges(graph.graph));
  CHECK(count(select_circuit(graph, 0, SelectBy::greedy)) == 0);
}

TEST_CASE("a ranking is judged by a known circuit, ties and all") {
  const TempFolder folder;
  const auto path = folder.file("truth.json");
  CircuitGraph graph = small_graph();
  write_text(path,
             R"({"format": "headscope-truth", "version": 1, "model": "toy", "task": "t.jsonl",
                 "nodes": ["input", "a1.h0", "logits"],
                 "edges": ["input->a1.h0<v>", "a1.h0->logits"], "not_found_by": {"eap": "why"}})");
  const CircuitTruth truth = read_truth(path, graph.graph);
  CHECK(count(truth.edges) == 2);
  CHECK(truth.not_found_by.at("eap") == "why");
  graph.scores.assign(graph.scores.size(), 0.0);
  const Roc nothing = roc_of(graph.scores, truth.edges);  // all scores tie: chance, or worse
  CHECK(nothing.trapezoid == Approx(0.5));
  CHECK(nothing.staircase == Approx(0.0));
  graph.scores[place(graph, "input->a1.h0<v>")] = 2.0;
  graph.scores[place(graph, "a1.h0->logits")] = 1.0;
  const Roc perfect = roc_of(graph.scores, truth.edges);
  CHECK(perfect.trapezoid == Approx(1.0));
  CHECK(perfect.staircase == Approx(1.0));
  CHECK(perfect.best_size == 2);
  CHECK(roc_by_sizes(graph, truth.edges, truth.constant) > 0.95);
  CHECK(roc_of(best_edge_of_nodes(graph), truth.nodes).trapezoid == Approx(1.0));
  graph.scores[place(graph, "input->m1")] = 1.5;  // one wrong edge between the two
  const auto wrong = static_cast<double>(graph.graph.n_edges() - 2);
  CHECK(roc_of(graph.scores, truth.edges).trapezoid == Approx(1.0 - 0.5 / wrong));
  // If that edge is a constant one it is neither right nor wrong.
  EdgeSet constant = no_edges(graph.graph);
  constant[place(graph, "input->m1")] = true;
  const Roc skipped = roc_of(without(graph.scores, constant), without(truth.edges, constant));
  CHECK(skipped.trapezoid == Approx(1.0));
  CHECK(skipped.all == graph.scores.size() - 1);
  graph.scores[place(graph, "m1->logits")] = 8.0;  // a way that is chosen first
  graph.scores[place(graph, "input->m1")] = 7.0;
  constant[place(graph, "m1->logits")] = true;
  CHECK(roc_by_sizes(graph, truth.edges, constant) > 0.99);
  CHECK(roc_by_sizes(graph, truth.edges, truth.constant) < 0.98);
}

TEST_CASE("a truth of another model, or of nothing, is an error") {
  const TempFolder folder;
  const auto path = folder.file("truth.json");
  const EdgeGraph graph({.n_layers = 2, .n_heads = 2});
  const auto refused = [&](const std::string& nodes, const std::string& edges, const char* why) {
    CAPTURE(why);
    write_text(
        path,
        R"({"format": "headscope-truth", "nodes": )" + nodes + R"(, "edges": )" + edges + "}");
    CHECK_THROWS_WITH(read_truth(path, graph), contains(why));
    CHECK_THROWS_AS(read_truth(path, graph), DataError);
  };
  refused(R"(["a0.h7"])", R"(["input->logits"])", "0.7");
  refused("[]", R"(["a7.h0->logits"])", "7.0");
  refused("[]", "[]", "nothing to tell apart");
  refused("[]", "[3]", "no edge");
  refused("[]", "{}", "no list");
  refused("[]", R"(["input->m0"], "constant_edges": ["input->m0"])", "too");
  refused("[]", R"(["input->m0"], "constant_edges": ["input->m9"])", "m9");
  write_text(path, "{}");
  CHECK_THROWS_AS(read_truth(path, graph), DataError);
}

TEST_CASE("circuits are compared edge by edge") {
  CircuitGraph a = small_graph();
  CircuitGraph b = small_graph();
  CHECK(overlap_of_graphs(a, b).edges.jaccard() == 1.0);
  CHECK(*overlap_of_graphs(a, b).spearman == Approx(1.0));
  b.edges = no_edges(b.graph);
  b.edges[0] = a.edges[0] = true;
  const CircuitOverlap found = overlap_of_graphs(a, b);
  CHECK(found.edges.both == 1);
  CHECK(found.edges.jaccard() == Approx(1.0 / static_cast<double>(count(a.edges))));
  CHECK(mean_pairwise_jaccard({{1, 2}, {2, 3}, {1, 2}}) == Approx((1.0 / 3 + 1 + 1.0 / 3) / 3));
  b.graph = EdgeGraph({.n_layers = 3, .n_heads = 2});
  CHECK_THROWS_AS(overlap_of_graphs(a, b), DataError);
}

TEST_CASE("only what is eligible is chosen, best first or greedily") {
  CircuitGraph graph = small_graph();
  graph.scores.assign(graph.scores.size(), 0.0);
  graph.scores[place(graph, "input->logits")] = 3.0;
  graph.scores[place(graph, "m1->logits")] = -2.0;
  graph.scores[place(graph, "input->m1")] = 1.0;
  std::vector<bool> eligible(graph.scores.size(), true);
  eligible[place(graph, "input->logits")] = false;
  for (const SelectBy by : {SelectBy::absolute_top, SelectBy::greedy}) {
    const EdgeSet chosen = select_circuit(graph, 2, by, eligible);
    CHECK(count(chosen) == 2);
    CHECK(chosen[place(graph, "m1->logits")]);
    CHECK(chosen[place(graph, "input->m1")]);
    CHECK(select_circuit(graph, 1, by)[place(graph, "input->logits")]);
  }
}

TEST_CASE("what scored 0 is never of the circuit, however much is asked for") {
  CircuitGraph graph = small_graph();
  graph.scores.assign(graph.scores.size(), 0.0);
  const std::size_t ways[] = {place(graph, "m1->logits"), place(graph, "input->m1")};
  graph.scores[ways[0]] = 1e-12;
  graph.scores[ways[1]] = -2.0;
  EdgeSet expected = no_edges(graph.graph);
  expected[ways[0]] = expected[ways[1]] = true;
  for (const SelectBy by : {SelectBy::signed_top, SelectBy::absolute_top, SelectBy::greedy}) {
    CHECK(select_circuit(graph, 20, by, with_evidence(graph.scores)) == expected);
  }
  CHECK(count(select_circuit(graph, 20, SelectBy::greedy)) > 2);  // else nothing was asked
}

TEST_CASE("query heads that share a KV head have its edges together") {
  const EdgeGraph graph({.n_layers = 2, .n_heads = 4, .d_model = 8});
  const KvHeads heads(graph, 2);
  const auto index = [&](const char* edge) { return graph.index(parse_edge(edge)); };
  CHECK(heads.shared(index("m0->a1.h2<k>")) ==
        std::vector{index("m0->a1.h2<k>"), index("m0->a1.h3<k>")});
  CHECK(heads.shared(index("m0->a1.h1<v>")) ==
        std::vector{index("m0->a1.h0<v>"), index("m0->a1.h1<v>")});
  CHECK(heads.shared(index("m0->a1.h2<q>")) == std::vector{index("m0->a1.h2<q>")});
  CHECK(heads.name(index("m0->a1.h3<k>")) == "m0->a1.kv1<k>");
  CHECK(heads.name(index("m0->a1.h3<q>")) == "m0->a1.h3<q>");
  std::vector<double> scores(static_cast<std::size_t>(graph.n_edges()), 1.0);
  scores[static_cast<std::size_t>(index("m0->a1.h3<k>"))] = 5.0;
  const std::vector<double> sums = heads.added_up(scores);
  CHECK(sums[static_cast<std::size_t>(index("m0->a1.h2<k>"))] == 6.0);
  CHECK(sums[static_cast<std::size_t>(index("m0->a1.h3<k>"))] == 6.0);
  CHECK(sums[static_cast<std::size_t>(index("m0->a1.h0<k>"))] == 2.0);
  CHECK(sums[static_cast<std::size_t>(index("m0->m1"))] == 1.0);
  CHECK_THROWS_AS(KvHeads(graph, 1), UsageError);
  CHECK_THROWS_AS(KvHeads(graph, 3), UsageError);
}

TEST_CASE("Neuronpedia's JSON has the circuit's nodes and links, and its edges can be read off") {
  const CircuitGraph graph = small_graph();
  const Json json = Json::parse(neuronpedia_graph(graph).dump());
  std::map<std::string, std::string> name_of;
  for (const Json& node : json["nodes"]) {
    name_of[node["node_id"]] = node["clerp"];
    const std::string by_parts = node["layer"].get<std::string>() + "_" +
                                 std::to_string(node["feature"].get<int>()) + "_" +
                                 std::to_string(node["ctx_idx"].get<int>());
    CHECK(node["node_id"] == by_parts);
  }
  CHECK(name_of.size() == json["nodes"].size());  // no two of one name
  EdgeSet edges = no_edges(graph.graph);
  for (const Json& link : json["links"]) {
    double sum = 0.0;
    for (const auto& [input, score] : link["by_input"].items()) {
      const std::string edge = name_of.at(link["source"]) + "->" + name_of.at(link["target"]) +
                               (input == "stream" ? "" : "<" + input + ">");
      edges[place(graph, edge)] = true;
      CHECK(score == graph.scores[place(graph, edge)]);
      sum += score.get<double>();
    }
    CHECK(link["weight"] == Approx(sum));
  }
  CHECK(edges == graph.edges);
  for (const char* key : {"metadata", "qParams"}) {
    CHECK(json[key].is_object());
  }
}
