// How many prompts attribution takes at once.
#pragma once

#include "analyses/attribution/attribution.h"

namespace headscope {

// Tokens of a block of prompts that needs no more than `memory` bytes. Throws ResourceError naming
// what the longest prompt needs if that is more.
std::int64_t attribution_tokens(const Model& model,
                                const Task& task,
                                const SweepSpec& spec,
                                const AttributionOptions& attribution,
                                std::int64_t memory);

}  // namespace headscope
