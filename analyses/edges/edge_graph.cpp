#include "analyses/edges/edge_graph.h"

#include <algorithm>

#include "lib/base/error.h"

namespace headscope {

GraphShape graph_shape(const ModelConfig& config) {
  if (const std::string why = why_no_sum(config); !why.empty()) {
    throw UsageError("a {} has no circuit of edges: {}", config.family, why);
  }
  return {.n_layers = config.n_layers,
          .n_heads = config.n_heads,
          .d_model = config.d_model,
          .block_order = config.block_order,
          .mlps = has_mlp(config) ? 1 : 0};
}

EdgeGraph::EdgeGraph(const GraphShape& shape) : shape_(shape), first_edge_{0} {
  if (shape.n_layers <= 0 || shape.n_heads <= 0 || shape.mlps < 0 || shape.mlps > 1) {
    throw UsageError(
        "a graph of {} layers of {} heads and {} MLPs", shape.n_layers, shape.n_heads, shape.mlps);
  }
  for (std::int64_t reader = 0; reader < n_readers(); ++reader) {
    first_edge_.push_back(first_edge_.back() + writers_before(reader));
  }
}

std::int64_t EdgeGraph::n_writers() const {
  return 1 + shape_.n_layers * writers_a_layer();
}

std::int64_t EdgeGraph::n_readers() const {
  return shape_.n_layers * readers_a_layer() + 1;
}

std::int64_t EdgeGraph::first_writer(std::int64_t layer) const {
  return 1 + layer * writers_a_layer();
}

std::int64_t EdgeGraph::first_reader(std::int64_t layer) const {
  return layer * readers_a_layer();
}

std::int64_t EdgeGraph::writers_before(std::int64_t reader) const {
  const std::int64_t layer = reader / readers_a_layer();
  const bool mlp = reader % readers_a_layer() == 3 * shape_.n_heads;
  const bool after_heads =
      mlp && layer < shape_.n_layers && shape_.block_order == BlockOrder::sequential;
  return first_writer(layer) + (after_heads ? shape_.n_heads : 0);
}

std::int64_t EdgeGraph::writer(const Node& node) const {
  const bool inside = node.layer >= 0 && node.layer < shape_.n_layers;
  switch (node.kind) {
    case Node::Kind::input:
      return 0;
    case Node::Kind::head:
      if (inside && node.head >= 0 && node.head < shape_.n_heads) {
        return first_writer(node.layer) + node.head;
      }
      break;
    case Node::Kind::mlp:
      if (inside && shape_.mlps > 0) {
        return first_writer(node.layer) + shape_.n_heads;
      }
      break;
    case Node::Kind::logits:
      break;
  }
  throw UsageError("{} writes nothing in a model of {} layers of {} heads{}",
                   to_string(node),
                   shape_.n_layers,
                   shape_.n_heads,
                   shape_.mlps > 0 ? "" : " and no MLPs");
}

std::int64_t EdgeGraph::reader(const Node& node, std::optional<HeadInput> input) const {
  if (node.kind == Node::Kind::logits) {
    return n_readers() - 1;
  }
  if (node.kind == Node::Kind::input) {
    throw UsageError("nothing leads to the input");
  }
  static_cast<void>(writer(node));  // is it there?
  if (node.kind == Node::Kind::mlp) {
    return first_reader(node.layer) + 3 * shape_.n_heads;
  }
  if (!input) {
    throw UsageError("{}: a head reads as q, k or v", to_string(node));
  }
  return first_reader(node.layer) + static_cast<std::int64_t>(*input) * shape_.n_heads + node.head;
}

Node EdgeGraph::writer_node(std::int64_t writer) const {
  if (writer == 0) {
    return Node::input();
  }
  const std::int64_t layer = (writer - 1) / writers_a_layer();
  const std::int64_t place = (writer - 1) % writers_a_layer();
  return place == shape_.n_heads ? Node::mlp(layer) : Node::of({layer, place});
}

std::int64_t EdgeGraph::writer_of_reader(std::int64_t reader) const {
  if (reader == n_readers() - 1) {
    return -1;
  }
  const std::int64_t place = reader % readers_a_layer();
  const bool mlp = place == 3 * shape_.n_heads;
  return first_writer(reader / readers_a_layer()) + (mlp ? shape_.n_heads : place % shape_.n_heads);
}

Edge EdgeGraph::edge_between(std::int64_t writer, std::int64_t reader) const {
  const std::int64_t to = writer_of_reader(reader);
  Edge edge{.from = writer_node(writer), .to = to < 0 ? Node::logits() : writer_node(to)};
  if (edge.to.kind == Node::Kind::head) {
    edge.input = static_cast<HeadInput>(reader % readers_a_layer() / shape_.n_heads);
  }
  return edge;
}

std::int64_t EdgeGraph::index(const Edge& edge) const {
  const std::int64_t from = writer(edge.from);
  const std::int64_t to = reader(edge.to, edge.input);
  if (from >= writers_before(to)) {
    throw UsageError("{}: what writes there comes later, or beside it", to_string(edge));
  }
  return index(from, to);
}

Edge EdgeGraph::edge(std::int64_t index) const {
  const auto after = std::upper_bound(first_edge_.begin(), first_edge_.end(), index);
  const std::int64_t reader = after - first_edge_.begin() - 1;
  return edge_between(index - first_edge_[static_cast<std::size_t>(reader)], reader);
}

}  // namespace headscope
