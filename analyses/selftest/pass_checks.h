// Identities between passes of the same prompt, run in different ways.
#pragma once

#include "analyses/selftest/self_check.h"

namespace headscope {

Deviation cached_against_whole(const SelfCheckInput& input);
Deviation batched_against_alone(const SelfCheckInput& input);
Deviation looked_at_against_alone(const SelfCheckInput& input);
Deviation future_against_past(const SelfCheckInput& input);
Deviation head_against_its_result(const SelfCheckInput& input);

// Why an identity that needs causal attention is not defined; empty: it is.
std::string needs_causal(const Model& model);
std::string needs_one_rotation(const Model& model);  // and does not turn texts by their length

}  // namespace headscope
