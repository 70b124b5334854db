// Which edges make the circuit.
#pragma once

#include "analyses/edges/circuit_graph.h"

namespace headscope {

// signed_top: the edges that help most; absolute_top: those with the largest scores of either sign;
// greedy: from the logits, again and again the edge with the largest absolute score of those that
// lead into a node of the circuit (Hanna et al. 2024, arXiv:2403.17806, section 3.2).
enum class SelectBy { signed_top, absolute_top, greedy };
std::string_view to_string(SelectBy by);
SelectBy parse_select_by(std::string_view text);  // "signed", "absolute", "greedy"; else UsageError

// How many where nobody says: a hundredth of the edges, a tenth of the nodes; of small graphs more,
// since so few would hardly ever be a way from the input to the logits: 20 edges, 5 nodes, or all.
std::int64_t usual_size(const EdgeGraph& graph, CircuitLevel level);

// Where the score is not 0. What scored 0 no evidence speaks for: among many such, those that come
// first would fill a circuit for no reason.
std::vector<bool> with_evidence(const std::vector<double>& scores);

// `size` edges of a graph of scored edges, or `size` nodes and the input with all edges between
// them; then pruned(). Sizes are cut to what there is. UsageError for greedy at level node.
// `eligible` [scores]: only these are taken, as with_evidence() or what keeps its sign; empty: all
// are, as the curves of evaluate.h need, which end with every edge.
EdgeSet select_circuit(const CircuitGraph& graph,
                       std::int64_t size,
                       SelectBy by,
                       const std::vector<bool>& eligible = {});

}  // namespace headscope
