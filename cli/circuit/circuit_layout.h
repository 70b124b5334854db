// Where the nodes of a circuit stand in a picture: the input below, the logits above, a row for the
// heads of a layer and one for its MLP.
#pragma once

#include <string>
#include <vector>

#include "analyses/edges/circuit_graph.h"

namespace headscope {

struct PlacedNode {
  Node node;
  std::string name;  // graph_name()
  double x = 0.0;    // the centre, in pixels
  double y = 0.0;
};

struct DrawnEdge {
  std::size_t from = 0;  // into CircuitLayout::nodes
  std::size_t to = 0;
  std::optional<HeadInput> input{};
  double score = 0.0;  // of a graph of nodes: its writer's
};

struct CircuitLayout {
  double width = 0.0;
  double height = 0.0;
  std::vector<PlacedNode> nodes;
  std::vector<DrawnEdge> edges;  // by absolute score, the largest first
  std::size_t left_out = 0;      // edges of the circuit beyond the most that were asked for
};

inline constexpr double kNodeWidth = 52.0;
inline constexpr double kNodeHeight = 20.0;

// Of the circuit that the graph has chosen, its `most` strongest edges. Throws UsageError for a
// circuit without edges.
CircuitLayout circuit_layout(const CircuitGraph& graph, std::size_t most);

}  // namespace headscope
