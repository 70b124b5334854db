// Edge attribution patching, and with integrated gradients on the inputs.
#include "analyses/edges/methods.h"

namespace headscope {
namespace {

std::vector<double> eap_edges(const CircuitContext& context, const CircuitSettings& settings) {
  return attributed_edges(context, settings, {.steps = 1});
}

std::vector<double> eap_ig_edges(const CircuitContext& context, const CircuitSettings& settings) {
  return attributed_edges(context, settings, {.steps = settings.steps});
}

std::vector<double> eap_nodes(const CircuitContext& context, const CircuitSettings& settings) {
  return attributed_nodes(context, settings, {.steps = 1});
}

std::vector<double> eap_ig_nodes(const CircuitContext& context, const CircuitSettings& settings) {
  return attributed_nodes(context, settings, {.steps = settings.steps});
}

}  // namespace

CircuitMethod eap_method() {
  return {.name = "eap",
          .summary = "edge attribution patching: gradients at the clean run",
          .definition = "(z_u − z_u') · ∂metric/∂(what v reads), at the clean run",
          .source = "Syed et al. 2023, arXiv:2310.10348",
          .edges = eap_edges,
          .nodes = eap_nodes};
}

CircuitMethod eap_ig_method() {
  return {.name = "eap-ig",
          .summary = "the same with the mean gradient of runs between both inputs",
          .definition =
              "(z_u − z_u') · mean over k = 1 … m of ∂metric/∂(what v reads) in the run "
              "whose embeddings are e' + (k/m)(e − e')",
          .source = "Hanna et al. 2024, arXiv:2403.17806, section 3",
          .edges = eap_ig_edges,
          .nodes = eap_ig_nodes};
}

}  // namespace headscope
