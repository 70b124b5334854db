// The list of methods: each is a function NAME_method() in a file of methods/, and one line here.
#pragma once

#include "analyses/edges/circuit_method.h"
#include "analyses/edges/edge_attribution.h"

namespace headscope {

// clang-format off
#define HEADSCOPE_CIRCUIT_METHODS(LINE) \
  LINE(eap) \
  LINE(eap_ig) \
  LINE(eap_ig_act) \
  LINE(relp) \
  LINE(patch) \
  LINE(acdc) \
  LINE(hisp) \
  LINE(ifr) \
  LINE(random)
// clang-format on

#define HEADSCOPE_DECLARE(name) CircuitMethod name##_method();
HEADSCOPE_CIRCUIT_METHODS(HEADSCOPE_DECLARE)
#undef HEADSCOPE_DECLARE

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
