// Which edges of a graph are in a circuit. Free of Torch.
#pragma once

#include <vector>

#include "analyses/edges/edge_graph.h"

namespace headscope {

// [n_edges], by EdgeGraph::index().
using EdgeSet = std::vector<bool>;

EdgeSet all_edges(const EdgeGraph& graph);
EdgeSet no_edges(const EdgeGraph& graph);
std::int64_t count(const EdgeSet& edges);

// [n_writers], the input, heads and MLPs: those with an edge of the set at either end.
std::vector<bool> nodes_of(const EdgeGraph& graph, const EdgeSet& edges);

// Every edge whose ends are both in `nodes` [n_writers]; the logits always are.
EdgeSet edges_among(const EdgeGraph& graph, const std::vector<bool>& nodes);

// Every edge but those that leave nodes outside `nodes`: what such a node writes is read by nobody,
// which is what a circuit of nodes means.
EdgeSet edges_from(const EdgeGraph& graph, const std::vector<bool>& nodes);

// Without the edges of nodes that nothing from the input reaches, or that do not reach the logits,
// by edges of the set: they change nothing the circuit is about.
EdgeSet pruned(const EdgeGraph& graph, const EdgeSet& edges);

}  // namespace headscope
