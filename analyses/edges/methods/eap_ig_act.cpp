// Integrated gradients on activations: every writer on a way of its own.
#include "analyses/edges/methods.h"

namespace headscope {
namespace {

EdgeAttributionOptions options_of(const CircuitSettings& settings) {
  return {.steps = settings.steps, .path = PathOf::activations};
}

std::vector<double> scored_edges(const CircuitContext& context, const CircuitSettings& settings) {
  return attributed_edges(context, settings, options_of(settings));
}

std::vector<double> scored_nodes(const CircuitContext& context, const CircuitSettings& settings) {
  return attributed_nodes(context, settings, options_of(settings));
}

}  // namespace

CircuitMethod eap_ig_act_method() {
  return {.name = "eap-ig-act",
          .summary =
              "the mean gradient of runs in which what the writer writes is between both; "
              "a pass for every layer's heads and MLP",
          .definition =
              "(z_u − z_u') · mean over k = 1 … m of ∂metric/∂(what v reads) in the clean "
              "run with z + (1 − k/m)(z' − z) in place of what u, and all heads of its "
              "layer, write",
          .source =
              "Hanna et al. 2024, arXiv:2403.17806, whose released code averages over the "
              "runs of all writers; here each writer has its own",
          .edges = scored_edges,
          .nodes = scored_nodes};
}

}  // namespace headscope
