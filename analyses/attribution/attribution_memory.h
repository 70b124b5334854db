// How many prompts attribution takes at once.
#pragma once

#include "analyses/attribution/attribution.h"

namespace headscope {

struct AttributionPlan {
  std::int64_t batch_tokens = 0;     // of prompts at once
  std::int64_t baseline_tokens = 0;  // of the unchanged runs at once: as a sweep's, if they fit
};

// Neither needs more than `memory` bytes. Throws ResourceError naming what the longest prompt needs
// if that is more.
AttributionPlan plan_attribution(const Model& model,
                                 const Task& task,
                                 const SweepSpec& spec,
                                 const AttributionOptions& attribution,
                                 std::int64_t memory);

}  // namespace headscope
