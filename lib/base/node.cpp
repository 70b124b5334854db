#include "lib/base/node.h"

#include <ostream>
#include <tuple>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

constexpr std::string_view kArrow = " -> ";
constexpr std::string_view kGraphArrow = "->";
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

// "LAYER.HEAD" of either spelling of a head, or of an MLP with head 0; what is neither, as it is.
std::pair<std::string, bool> head_spelled_by(std::string_view text) {
  if (text.ends_with(kMlp)) {
    return {std::string(text.substr(0, text.size() - kMlp.size())) + ".0", true};
  }
  if (text.starts_with('m')) {
    return {std::string(text.substr(1)) + ".0", true};
  }
  const std::size_t head = text.find(".h");
  if (text.starts_with('a') && head != std::string_view::npos) {
    return {fmt::format("{}.{}", text.substr(1, head - 1), text.substr(head + 2)), false};
  }
  return {std::string(text), false};
}

// "7.3:v" or "a7.h3<v>" into the node's text and the input; no input: the whole text.
std::pair<std::string_view, std::optional<HeadInput>> split_input(std::string_view to) {
  const bool bracketed = to.ends_with('>');
  const std::size_t mark = to.rfind(bracketed ? '<' : ':');
  if (mark == std::string_view::npos) {
    return {to, std::nullopt};
  }
  const std::string_view name = to.substr(mark + 1, to.size() - mark - (bracketed ? 2 : 1));
  const auto input = head_input_named(name);
  return {input ? to.substr(0, mark) : to, input};
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

std::string graph_name(const Node& node) {
  switch (node.kind) {
    case Node::Kind::head:
      return fmt::format("a{}.h{}", node.layer, node.head);
    case Node::Kind::mlp:
      return fmt::format("m{}", node.layer);
    default:
      return to_string(node);
  }
}

Node parse_node(std::string_view text) {
  if (text == "input") {
    return Node::input();
  }
  if (text == "logits") {
    return Node::logits();
  }
  try {
    const auto [head, is_mlp] = head_spelled_by(text);
    const HeadId id = parse_head_id(head);
    return is_mlp ? Node::mlp(id.layer) : Node::of(id);
  } catch (const UsageError&) {
    throw UsageError(
        "'{}' is no node; there are input, LAYER.HEAD, LAYER.mlp and logits, or as graph files "
        "name them aLAYER.hHEAD and mLAYER",
        text);
  }
}

std::string to_string(const Edge& edge) {
  const std::string input = edge.input ? ":" + to_string(*edge.input) : "";
  return to_string(edge.from) + std::string(kArrow) + to_string(edge.to) + input;
}

std::string graph_name(const Edge& edge) {
  const std::string input = edge.input ? "<" + to_string(*edge.input) + ">" : "";
  return graph_name(edge.from) + std::string(kGraphArrow) + graph_name(edge.to) + input;
}

Edge parse_edge(std::string_view text) {
  const bool spaced = text.find(kArrow) != std::string_view::npos;
  const std::string_view arrow = spaced ? kArrow : kGraphArrow;
  const std::size_t at = text.find(arrow);
  if (at == std::string_view::npos) {
    throw UsageError("'{}' is no edge; an edge is NODE -> NODE, as in '5.5 -> 7.3:v'", text);
  }
  const auto [to, input] = split_input(text.substr(at + arrow.size()));
  const Edge edge{.from = parse_node(text.substr(0, at)), .to = parse_node(to), .input = input};
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
