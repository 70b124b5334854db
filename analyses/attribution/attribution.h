// What a patching sweep would find, from gradients: two forward passes and one backward in place of
// a forward pass a cell. It is an estimate; agreement.h says how good one.
#pragma once

#include <string>

#include "analyses/attribution/stored_attribution.h"
#include "analyses/sweep/sweep.h"

namespace headscope {

enum class AttributionMethod {
  // (source − own) · ∂metric/∂value at the run that is changed: attribution patching (Nanda 2023;
  // Syed et al. 2023, arXiv:2310.10348).
  atp,
  // For q and k, whose effect passes a softmax: the pattern is computed with the other run's
  // queries or keys, and its change, not theirs, meets the gradient (AtP*: Kramár et al. 2024,
  // arXiv:2403.00745, section 3.1).
  atp_qk_fix,
  // The mean gradient over runs whose embeddings lie between both runs': own + k/m (source − own),
  // k = 1 … m (Hanna et al. 2024, arXiv:2403.17806, section 3, applied to nodes).
  ig,
};

struct AttributionOptions {
  AttributionMethod method = AttributionMethod::atp;
  std::int64_t steps = 5;  // m of ig
  // Both runs as they were recorded, checked by check_stored_runs(): no pass is run, and only atp
  // can be. Null: they run.
  const StoredRuns* stored = nullptr;
};

// Throws what run_attribution() would before its first pass.
SweepPlan check_attribution(const Model& model,
                            const Task& task,
                            const SweepSpec& spec,
                            const AttributionOptions& attribution,
                            const SweepOptions& options);

// Fills the cells of `spec`, which must be a patch of one part: its value is the metric of the run
// that is changed plus the estimated effect, so that a result reads as the sweep's own. Memory
// holds the streams of one batch of prompts and the gradients of one layer; options.memory bounds
// it. Returns false if `stop` ended it between batches. Its blocks are batches of
// prompts; cells are not sharded.
//
// Throws UsageError for a metric without a gradient, for one whose gradient is zero where it is
// taken (kl at the clean run), and for atp_qk_fix at another site than q and k; ResourceError if
// one prompt needs more than options.memory.
bool run_attribution(const Model& model,
                     const Task& task,
                     const SweepSpec& spec,
                     const AttributionOptions& attribution,
                     const SweepOptions& options,
                     SweepSink& sink);

}  // namespace headscope
