// RelP: edge attribution by relevance in place of the gradient.
#include "analyses/edges/methods.h"

namespace headscope {
namespace {

std::vector<double> scored_edges(const CircuitContext& context, const CircuitSettings& settings) {
  return attributed_edges(context, settings, {.rule = GradientRule::relevance});
}

std::vector<double> scored_nodes(const CircuitContext& context, const CircuitSettings& settings) {
  return attributed_nodes(context, settings, {.rule = GradientRule::relevance});
}

}  // namespace

CircuitMethod relp_method() {
  return {
      .name = "relp",
      .summary = "eap with rules of relevance in place of the derivative",
      .definition =
          "(z_u − z_u') · c_v at the clean run, c_v the gradient with norms' divisors "
          "and attention patterns constant, f(x) as (f(x)/x) x, and half for each "
          "factor of a gate",
      .source = "Jafari et al. 2025, arXiv:2508.21258",
      .edges = scored_edges,
      .nodes = scored_nodes,
      .limit =
          "patterns are constant, so that edges into q and k, and what acts through them alone, "
          "score 0"};
}

}  // namespace headscope
