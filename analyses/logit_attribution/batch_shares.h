// One block of prompts, run and taken apart.
#pragma once

#include "analyses/logit_attribution/components.h"
#include "analyses/logit_attribution/direction.h"
#include "analyses/sweep/run_values.h"
#include "lib/model/batch.h"
#include "lib/model/model.h"

namespace headscope {

struct BatchShares {
  Tensor shares;  // [cells, B] f64 on the CPU; NaN in cells that are no component
  Tensor target;  // [B] f64 on the CPU: the direction in the logits of the pass itself
};

// What must be kept of the run that is taken apart; of a trace also the input of the unembedding,
// which its target is computed from.
std::vector<Site> attributed_sites(const ModelConfig& config);
std::vector<Site> attributed_sites_of_trace(const ModelConfig& config);

// The model has no logit soft-cap. A trace must have attributed_sites_of_trace().
BatchShares shares_of(const RunSource& from,
                      const Components& components,
                      const Batch& batch,
                      const LogitDirection& direction);

// The target alone, of a run that is not taken apart: [B] f64 on the CPU.
Tensor target_of(const Model& model, const Batch& batch, const LogitDirection& direction);

}  // namespace headscope
