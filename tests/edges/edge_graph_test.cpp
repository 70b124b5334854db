// How many edges models have, and what they are called.
#include "analyses/edges/edge_graph.h"

#include "analyses/edges/circuit_mask.h"
#include "lib/base/error.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

std::int64_t edges_of(std::int64_t layers, std::int64_t heads) {
  return EdgeGraph({.n_layers = layers, .n_heads = heads}).n_edges();
}

}  // namespace

TEST_CASE("published models have as many edges as the MIB benchmark counts") {
  CHECK(edges_of(12, 12) == 32'491);     // GPT-2 small
  CHECK(edges_of(24, 14) == 179'749);    // Qwen2.5-0.5B
  CHECK(edges_of(26, 8) == 74'218);      // Gemma-2-2B
  CHECK(edges_of(32, 32) == 1'592'881);  // Llama-3.1-8B
}

TEST_CASE("every edge has a number, a name, and comes back from both") {
  for (const BlockOrder order : {BlockOrder::sequential, BlockOrder::parallel}) {
    for (const std::int64_t mlps : {0, 1}) {
      const EdgeGraph graph(
          {.n_layers = 3, .n_heads = 2, .d_model = 8, .block_order = order, .mlps = mlps});
      for (std::int64_t i = 0; i < graph.n_edges(); ++i) {
        const Edge edge = graph.edge(i);
        CAPTURE(graph_name(edge));
        CHECK(graph.index(edge) == i);
        CHECK(parse_edge(graph_name(edge)) == edge);
        CHECK(edge.from < edge.to);
      }
    }
  }
}

TEST_CASE("an MLP reads the heads of its layer only where it comes after them") {
  const Edge within = parse_edge("a1.h0->m1");
  const EdgeGraph sequential({.n_layers = 2, .n_heads = 2});
  const EdgeGraph parallel({.n_layers = 2, .n_heads = 2, .block_order = BlockOrder::parallel});
  CHECK(sequential.edge(sequential.index(within)) == within);
  CHECK_THROWS_AS(parallel.index(within), UsageError);
  CHECK(sequential.n_edges() == parallel.n_edges() + 4);
}

TEST_CASE("names are those of EAP-IG, and others are errors") {
  CHECK(graph_name(Edge{Node::of({0, 1}), Node::of({5, 2}), HeadInput::q}) == "a0.h1->a5.h2<q>");
  CHECK(graph_name(Edge{Node::input(), Node::logits()}) == "input->logits");
  CHECK(graph_name(Edge{Node::mlp(0), Node::mlp(1)}) == "m0->m1");
  for (const char* wrong : {"",
                            "->",
                            "a0.h1",
                            "a0.h1->a5.h2",
                            "a0.h1->m3<q>",
                            "a0.h1->a5.h2<x>",
                            "a.h1->logits",
                            "a0.h1->a5.h2<q> ",
                            "m-1->logits",
                            "m1x->logits",
                            "a0.h1->logits<q>"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(parse_edge(wrong), UsageError);
  }
  const EdgeGraph graph({.n_layers = 2, .n_heads = 2});
  for (const char* absent : {"a2.h0->logits",
                             "a0.h2->logits",
                             "m2->logits",
                             "m0->a0.h0<q>",
                             "a0.h0->a0.h1<v>",
                             "input->input",
                             "logits->m0"}) {
    CAPTURE(absent);
    CHECK_THROWS_AS(graph.index(parse_edge(absent)), UsageError);
  }
}

TEST_CASE("pruning leaves what lies on a way from the input to the logits") {
  const EdgeGraph graph({.n_layers = 3, .n_heads = 2});
  const auto set_of = [&](const std::vector<std::string>& names) {
    EdgeSet edges = no_edges(graph);
    for (const std::string& name : names) {
      edges[static_cast<std::size_t>(graph.index(parse_edge(name)))] = true;
    }
    return edges;
  };
  const EdgeSet way =
      set_of({"input->a0.h1<k>", "a0.h1->a2.h0<q>", "a2.h0->m2", "m2->logits", "input->logits"});
  const EdgeSet more = set_of({"input->a0.h1<k>",
                               "a0.h1->a2.h0<q>",
                               "a2.h0->m2",
                               "m2->logits",
                               "input->logits",  // and three that lead nowhere, or come of nothing:
                               "a0.h1->m1",
                               "a1.h0->m2",
                               "a1.h1->a2.h1<v>"});
  CHECK(pruned(graph, way) == way);
  CHECK(pruned(graph, more) == way);
  CHECK(pruned(graph, all_edges(graph)) == all_edges(graph));
  CHECK(count(pruned(graph, no_edges(graph))) == 0);
}
