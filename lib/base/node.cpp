#include "lib/base/node.h"

#include <ostream>
#include <tuple>

#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

constexpr std::string_view kArrow = " -> ";
constexpr std::string_view kMlp = ".mlp";

// Heads of a layer write before its MLP does, and the input before all.
auto place(const Node& node) {
  const bool last = node.kind == Node::Kind::logits;
  return std::tuple(last, node.layer, node.kind == Node::Kind::mlp, node.head);
}

// Throws UsageError unless `from` is there to be read at `to`. In a parallel block an MLP reads
// what the block before left, as its heads do; that is the model's business.
void check_edge(const Edge& edge, std::string_view text) {
  const bool same_heads = edge.from.kind == Node::Kind::head && edge.to.kind == Node::Kind::head &&
                          edge.from.layer == edge.to.layer;
  if (!(edge.from < edge.to) || same_heads) {
    throw UsageError("'{}': an edge leads from what writes first to what reads later", text);
  }
  if ((edge.to.kind == Node::Kind::head) != edge.input.has_value()) {
    throw UsageError("'{}': a head is read into as :q, :k or :v, and nothing else is", text);
  }
}

}  // namespace

std::string to_string(HeadInput input) {
  return input == HeadInput::q ? "q" : input == HeadInput::k ? "k" : "v";
}

std::optional<HeadInput> head_input_named(std::string_view name) {
  for (const HeadInput input : {HeadInput::q, HeadInput::k, HeadInput::v}) {
    if (name == to_string(input)) {
      return input;
    }
  }
  return std::nullopt;
}

std::strong_ordering operator<=>(const Node& a, const Node& b) {
  return place(a) <=> place(b);
}

std::string to_string(const Node& node) {
  switch (node.kind) {
    case Node::Kind::input:
      return "input";
    case Node::Kind::head:
      return to_string(HeadId{node.layer, node.head});
    case Node::Kind::mlp:
      return std::to_string(node.layer) + std::string(kMlp);
    case Node::Kind::logits:
      break;
  }
  return "logits";
}

Node parse_node(std::string_view text) {
  if (text == "input") {
    return Node::input();
  }
  if (text == "logits") {
    return Node::logits();
  }
  try {
    if (text.ends_with(kMlp)) {
      const std::string layer(text.substr(0, text.size() - kMlp.size()));
      return Node::mlp(parse_head_id(layer + ".0").layer);
    }
    return Node::of(parse_head_id(text));
  } catch (const UsageError&) {
    throw UsageError("'{}' is no node; there are input, LAYER.HEAD, LAYER.mlp and logits", text);
  }
}

std::string to_string(const Edge& edge) {
  const std::string input = edge.input ? ":" + to_string(*edge.input) : "";
  return to_string(edge.from) + std::string(kArrow) + to_string(edge.to) + input;
}

Edge parse_edge(std::string_view text) {
  const std::size_t arrow = text.find(kArrow);
  if (arrow == std::string_view::npos) {
    throw UsageError("'{}' is no edge; an edge is NODE -> NODE, as in '5.5 -> 7.3:v'", text);
  }
  std::string_view to = text.substr(arrow + kArrow.size());
  Edge edge{.from = parse_node(text.substr(0, arrow)), .to = {}};
  if (const std::size_t colon = to.rfind(':'); colon != std::string_view::npos) {
    edge.input = head_input_named(to.substr(colon + 1));
    to = edge.input ? to.substr(0, colon) : to;
  }
  edge.to = parse_node(to);
  check_edge(edge, text);
  return edge;
}

std::ostream& operator<<(std::ostream& out, const Node& node) {
  return out << to_string(node);
}

std::ostream& operator<<(std::ostream& out, const Edge& edge) {
  return out << to_string(edge);
}

OrderedJson edge_json(const Edge& edge) {
  OrderedJson json{{"from", to_string(edge.from)}, {"to", to_string(edge.to)}};
  if (edge.input) {
    json["input"] = to_string(*edge.input);
  }
  return json;
}

}  // namespace headscope
