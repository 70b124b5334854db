// The graph of a model that circuits are parts of: what writes to the residual stream, and who
// reads it. Nodes and edges have two spellings: that of headscope's tables and options,
// to_string(), and that of graph files of EAP-IG (Hanna et al. 2024, arXiv:2403.17806),
// graph_name(). Either is read.
#pragma once

#include <compare>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/head_id.h"
#include "lib/base/json_fwd.h"

namespace headscope {

// What an attention head reads the stream as: its query, key or value.
enum class HeadInput { q, k, v };
std::string to_string(HeadInput input);  // "q", "k", "v"
std::optional<HeadInput> head_input_named(std::string_view name);

struct Node {
  // input: the embeddings; logits: what reads the stream behind the last block.
  enum class Kind { input, head, mlp, logits } kind = Kind::input;
  std::int64_t layer = -1;  // of a head or an MLP
  std::int64_t head = -1;   // of a head
  bool operator==(const Node&) const = default;

  static Node input() { return {}; }
  static Node of(const HeadId& head) { return {Kind::head, head.layer, head.head}; }
  static Node mlp(std::int64_t layer) { return {Kind::mlp, layer}; }
  static Node logits() { return {Kind::logits}; }
};

// In the order of the forward pass; heads of one layer by number.
std::strong_ordering operator<=>(const Node& a, const Node& b);

std::string to_string(const Node& node);   // "input", "9.6", "9.mlp", "logits"
std::string graph_name(const Node& node);  // "input", "a9.h6", "m9", "logits"

// Reads either spelling. Throws UsageError for anything else.
Node parse_node(std::string_view text);

// What `from` writes to the stream and `to` reads there. A head reads it as `input`; an edge to an
// MLP or the logits has none.
struct Edge {
  Node from;
  Node to;
  std::optional<HeadInput> input{};
  auto operator<=>(const Edge&) const = default;  // by `from`, then `to`, then `input`
};

std::string to_string(const Edge& edge);   // "5.5 -> 7.3:v", "9.6 -> logits"
std::string graph_name(const Edge& edge);  // "a5.h5->a7.h3<v>", "a9.h6->logits"

// Reads either spelling. Throws UsageError for anything else, for an edge that leads
// backwards or within a layer's heads, an end that nothing leads to (input), a head without an
// input, and an input of what is no head.
Edge parse_edge(std::string_view text);

std::ostream& operator<<(std::ostream& out, const Node& node);
std::ostream& operator<<(std::ostream& out, const Edge& edge);

// {"from": "5.5", "to": "7.3", "input": "v"}
nlohmann::ordered_json edge_json(const Edge& edge);

}  // namespace headscope
