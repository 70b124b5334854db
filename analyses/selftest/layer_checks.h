// Identities between the values of one pass, and between its values and their gradients.
#pragma once

#include "analyses/selftest/self_check.h"

namespace headscope {

Deviation pattern_rows_against_one(const SelfCheckInput& input);
Deviation unseen_keys_against_zero(const SelfCheckInput& input);
Deviation pattern_against_z(const SelfCheckInput& input);
Deviation heads_against_output(const SelfCheckInput& input);
Deviation parts_against_stream(const SelfCheckInput& input);
Deviation gradient_against_difference(const SelfCheckInput& input);

// Why an identity is not defined for a model; empty: it is.
std::string needs_f32(const Model& model);
std::string needs_softmax(const Model& model);

}  // namespace headscope
