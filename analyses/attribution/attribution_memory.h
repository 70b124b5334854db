// How many prompts attribution takes at once.
#pragma once

#include "analyses/attribution/attribution.h"

namespace headscope {

// options.plan, if there is one; else as many prompts as options.memory holds, and for the
// unchanged runs as many as a sweep takes, if they fit. Throws ResourceError naming what is needed
// if that is more: by the longest prompt, or by options.plan.
SweepPlan plan_attribution(const Model& model,
                           const Task& task,
                           const SweepSpec& spec,
                           const AttributionOptions& attribution,
                           const SweepOptions& options);

}  // namespace headscope
