#include "cli/circuit/circuit_layout.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr double kColumn = 62.0;
constexpr double kRow = 58.0;
constexpr double kMargin = 60.0;

// Rows from below: the input, heads of layer 0, its MLP, …, the logits.
std::int64_t row_of(const Node& node, std::int64_t layers) {
  switch (node.kind) {
    case Node::Kind::input:
      return 0;
    case Node::Kind::head:
      return 1 + 2 * node.layer;
    case Node::Kind::mlp:
      return 2 + 2 * node.layer;
    case Node::Kind::logits:
      break;
  }
  return 1 + 2 * layers;
}

std::vector<std::int64_t> strongest_edges(const CircuitGraph& graph, std::size_t most) {
  std::vector<std::pair<double, std::int64_t>> edges;
  for (std::size_t i = 0; i < graph.edges.size(); ++i) {
    if (graph.edges[i]) {
      const auto index = static_cast<std::int64_t>(i);
      const double score = graph.level == CircuitLevel::edge
                               ? graph.scores[i]
                               : graph.scores[static_cast<std::size_t>(
                                     graph.graph.writer(graph.graph.edge(index).from))];
      edges.emplace_back(-std::abs(score), index);
    }
  }
  std::sort(edges.begin(), edges.end());
  std::vector<std::int64_t> list;
  for (std::size_t i = 0; i < std::min(most, edges.size()); ++i) {
    list.push_back(edges[i].second);
  }
  return list;
}

using Rows = std::map<std::int64_t, std::vector<Node>>;

Rows rows_of_circuit(const CircuitGraph& graph, const std::vector<std::int64_t>& edges) {
  Rows rows;
  for (const std::int64_t index : edges) {
    const Edge edge = graph.graph.edge(index);
    for (const Node& node : {edge.from, edge.to}) {
      std::vector<Node>& row = rows[row_of(node, graph.graph.shape().n_layers)];
      if (std::find(row.begin(), row.end(), node) == row.end()) {
        row.push_back(node);
      }
    }
  }
  for (auto& [number, row] : rows) {
    std::sort(row.begin(), row.end());
  }
  return rows;
}

void place_nodes(const Rows& rows, CircuitLayout& layout) {
  std::size_t widest = 1;
  for (const auto& [number, row] : rows) {
    widest = std::max(widest, row.size());
  }
  layout.width = 2 * kMargin + kColumn * static_cast<double>(std::max<std::size_t>(widest, 6));
  layout.height = 2 * kMargin + kRow * static_cast<double>(rows.size() - 1);
  double y = layout.height - kMargin;
  for (const auto& [number, row] : rows) {
    const double first =
        layout.width / 2.0 - kColumn * (static_cast<double>(row.size()) - 1.0) / 2.0;
    // Every other row half a column aside, so that edges do not run behind nodes.
    const double aside = number % 2 == 0 && row.size() == 1 && number > 0 ? kColumn / 2.0 : 0.0;
    for (std::size_t i = 0; i < row.size(); ++i) {
      layout.nodes.push_back(
          {row[i], graph_name(row[i]), first + aside + kColumn * static_cast<double>(i), y});
    }
    y -= kRow;
  }
}

}  // namespace

CircuitLayout circuit_layout(const CircuitGraph& graph, std::size_t most) {
  const std::vector<std::int64_t> edges = strongest_edges(graph, most);
  if (edges.empty()) {
    throw UsageError(
        "the circuit of this graph has no edges: nothing leads from the input to the "
        "logits; take a larger --size in circuit find");
  }
  CircuitLayout layout;
  layout.left_out = static_cast<std::size_t>(count(graph.edges)) - edges.size();
  place_nodes(rows_of_circuit(graph, edges), layout);
  const auto place_of = [&](const Node& node) {
    const auto found = std::find_if(layout.nodes.begin(),
                                    layout.nodes.end(),
                                    [&](const PlacedNode& each) { return each.node == node; });
    return static_cast<std::size_t>(found - layout.nodes.begin());
  };
  for (const std::int64_t index : edges) {
    const Edge edge = graph.graph.edge(index);
    const std::size_t scored = graph.level == CircuitLevel::edge
                                   ? static_cast<std::size_t>(index)
                                   : static_cast<std::size_t>(graph.graph.writer(edge.from));
    layout.edges.push_back(
        {place_of(edge.from), place_of(edge.to), edge.input, graph.scores[scored]});
  }
  return layout;
}

}  // namespace headscope
