// Edge attribution patching, and with integrated gradients on the inputs.
#include "analyses/edges/edge_attribution.h"
#include "analyses/edges/methods.h"

namespace headscope {
namespace {

std::vector<double> attributed_edges(const CircuitContext& context,
                                     const CircuitSettings& settings,
                                     std::int64_t steps) {
  const auto total = static_cast<std::int64_t>(context.task.items.size());
  std::int64_t done = 0;
  const Tensor scores = edge_attribution(context,
                                         {.steps = steps,
                                          .progress =
                                              [&](std::int64_t items) {
                                                done += items;
                                                if (settings.progress) {
                                                  settings.progress(done, total);
                                                }
                                              },
                                          .stop = settings.stop});
  return scores.defined() ? edge_scores(context.graph, scores) : std::vector<double>();
}

std::vector<double> eap_edges(const CircuitContext& context, const CircuitSettings& settings) {
  return attributed_edges(context, settings, 1);
}

std::vector<double> eap_ig_edges(const CircuitContext& context, const CircuitSettings& settings) {
  return attributed_edges(context, settings, settings.steps);
}

std::vector<double> summed(const CircuitContext& context, const std::vector<double>& edges) {
  return edges.empty() ? edges : node_sums(context.graph, edges);
}

std::vector<double> eap_nodes(const CircuitContext& context, const CircuitSettings& settings) {
  return summed(context, eap_edges(context, settings));
}

std::vector<double> eap_ig_nodes(const CircuitContext& context, const CircuitSettings& settings) {
  return summed(context, eap_ig_edges(context, settings));
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
