// Edge attribution patching: what cutting each edge would cost, from gradients.
#pragma once

#include "analyses/edges/edge_gradients.h"
#include "analyses/edges/edge_paths.h"

namespace headscope {

// score(u → v) = (1/items) Σ (z_u − z_u') · (1/m) Σ_k ∂metric/∂(what v reads), summed over the
// positions and d_model: z_u what the writer u writes in the clean run, z_u' what replaces it.
// To first order it is what the metric loses when the edge is cut, so an edge that helps is
// positive (of kl, which edges that help keep small, it is what cutting adds).
//   m = 1   the gradient at the clean run: EAP (Syed et al. 2023, arXiv:2310.10348).
//   m > 1   the mean gradient of runs whose token embeddings lie between their replacements and
//           the clean ones, e' + (k/m)(e − e'), k = 1 … m: EAP-IG on inputs (Hanna et al. 2024,
//           arXiv:2403.17806, section 3).
//   m > 1, PathOf::activations   the mean gradient of runs in which what u and the other heads of
//           its layer (the MLP, the input) write lies between z' and z, all before it being clean.
//           Summed over their edges it is, for large m, what cutting all that leaves them loses.
//   GradientRule::relevance   with RelP's rules in place of the derivative.
struct EdgeAttributionOptions {
  std::int64_t steps = 1;
  PathOf path = PathOf::inputs;
  GradientRule rule = GradientRule::exact;
  std::int64_t chunk = 0;  // positions at once; 0: as many as edge_memory.h plans
  std::function<void(std::int64_t items)> progress = {};  // so many more are done
  std::function<bool()> stop = {};
};

// [writers, readers] f64 on the CPU; 0 where there is no edge. Undefined if `stop` ended it. Two
// forward passes and, of each path, one forward and one backward of each batch; memory holds the
// streams of a batch, what its writers wrote, and the gradients of one layer, in blocks of
// positions. Throws UsageError for a metric without a gradient, or whose gradient at the clean run
// is zero (kl with m = 1); ResourceError if one item needs more than context.memory.
Tensor edge_attribution(const CircuitContext& context, const EdgeAttributionOptions& options);

// The UsageErrors of edge_attribution() about the metric.
void check_gradient(const Metric& metric, std::int64_t steps);

}  // namespace headscope
