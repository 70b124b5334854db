// The methods, a file each.
#pragma once

#include "analyses/edges/circuit_method.h"
#include "analyses/edges/edge_attribution.h"

namespace headscope {

CircuitMethod eap_method();
CircuitMethod eap_ig_method();
CircuitMethod eap_ig_act_method();
CircuitMethod relp_method();
CircuitMethod ifr_method();
CircuitMethod patch_method();
CircuitMethod acdc_method();
CircuitMethod hisp_method();
CircuitMethod random_method();

// edge_attribution() with the progress and the stop of `settings`; empty if that ended it.
std::vector<double> attributed_edges(const CircuitContext& context,
                                     const CircuitSettings& settings,
                                     EdgeAttributionOptions options);
// node_sums() of the same.
std::vector<double> attributed_nodes(const CircuitContext& context,
                                     const CircuitSettings& settings,
                                     const EdgeAttributionOptions& options);

// [writers, readers] f64 on the CPU → [n_edges].
std::vector<double> edge_scores(const EdgeGraph& graph, const Tensor& matrix);

// The scores of a node's edges to its readers, added up: where a score is a product with the
// gradient at the reader, that is the product with the gradient at what the node writes.
std::vector<double> node_sums(const EdgeGraph& graph, const std::vector<double>& edges);

}  // namespace headscope
