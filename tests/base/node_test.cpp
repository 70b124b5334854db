// Nodes and edges of a model's graph: order, spelling.
#include "lib/base/node.h"

#include <algorithm>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "tests/support/catch.h"

using namespace headscope;

TEST_CASE("nodes are ordered as the forward pass reaches them") {
  const std::vector<Node> in_order{Node::input(),
                                   Node::of({0, 0}),
                                   Node::of({0, 7}),
                                   Node::mlp(0),
                                   Node::of({1, 2}),
                                   Node::mlp(1),
                                   Node::of({10, 0}),
                                   Node::logits()};
  CHECK(std::is_sorted(in_order.begin(), in_order.end()));
  for (std::size_t i = 0; i < in_order.size(); ++i) {
    for (std::size_t j = 0; j < in_order.size(); ++j) {
      CAPTURE(to_string(in_order[i]), to_string(in_order[j]));
      CHECK((in_order[i] < in_order[j]) == (i < j));
      CHECK((in_order[i] == in_order[j]) == (i == j));
    }
  }
}

TEST_CASE("a node is spelled and read back, either way") {
  CHECK(to_string(Node::of({9, 6})) == "9.6");
  CHECK(to_string(Node::mlp(3)) == "3.mlp");
  CHECK(graph_name(Node::input()) == "input");
  CHECK(graph_name(Node::of({9, 16})) == "a9.h16");
  CHECK(graph_name(Node::mlp(13)) == "m13");
  CHECK(graph_name(Node::logits()) == "logits");
  for (const Node& node : {Node::input(), Node::of({9, 6}), Node::mlp(0), Node::logits()}) {
    CHECK(parse_node(to_string(node)) == node);
    CHECK(parse_node(graph_name(node)) == node);
  }
  for (const char* text :
       {"",       "mlp",  ".mlp",   "x.mlp",    "-1.mlp", "3.mlp.0", "9",      "Logits",
        "a9",     "a9.6", "a.h6",   "a9.h",     "9.h6",   "a-1.h6",  "m",      "m-1",
        "m3.mlp", "m3.0", "a9.h6.", "a9.h6<q>", "am3",    "ma3.h1",  "a 9.h6", "a1.h2.h3"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_node(text), UsageError);
  }
  CHECK_THROWS_WITH(parse_node("3.MLP"), contains("'3.MLP' is no node"));
}

TEST_CASE("an edge is spelled and read back, in text and in JSON") {
  const Edge value{Node::of({5, 5}), Node::of({7, 3}), HeadInput::v};
  CHECK(to_string(value) == "5.5 -> 7.3:v");
  CHECK(graph_name(value) == "a5.h5->a7.h3<v>");
  CHECK(graph_name({Node::mlp(2), Node::logits()}) == "m2->logits");
  CHECK(edge_json(value).dump() == R"({"from":"5.5","to":"7.3","input":"v"})");
  CHECK(edge_json({Node::mlp(2), Node::logits()}).dump() == R"({"from":"2.mlp","to":"logits"})");
  for (const Edge& edge : {value,
                           Edge{Node::input(), Node::of({0, 0}), HeadInput::q},
                           Edge{Node::of({2, 1}), Node::mlp(2)},
                           Edge{Node::mlp(2), Node::of({3, 0}), HeadInput::k},
                           Edge{Node::of({9, 6}), Node::logits()}}) {
    CHECK(parse_edge(to_string(edge)) == edge);
    CHECK(parse_edge(graph_name(edge)) == edge);
  }
}

TEST_CASE("edges that cannot be are refused") {
  for (const char* text : {"9.6",
                           "->",
                           "a9.h6->",
                           "a9.h6->a9.h7<q>",
                           "a9.h6->a10.h0",
                           "a9.h6->a10.h0<z>",
                           "a9.h6->a10.h0q>",
                           "a9.h6->a10.h0<q",
                           "a9.h6->a10.h0<q>>",
                           "a9.h6->m10<q>",
                           "m9->a9.h6<k>",
                           "logits->m3",
                           "9.6 -> 9.7:q",
                           "9.6 -> 9.6:q",
                           "9.6 -> 8.0:k",
                           "9.6 -> input",
                           "logits -> 9.6:q",
                           "9.mlp -> 9.6:q",
                           "9.6 -> 10.0",
                           "9.6 -> 10.0:z",
                           "9.6 -> 10.mlp:q",
                           "9.6 -> logits:v"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_edge(text), UsageError);
  }
}
