// Texts that would grow out of how their positions turn.
#pragma once

#include <cstdint>

#include "lib/model/model.h"

namespace headscope {

// Keys are kept as they were turned in a sequence of `held` tokens. Throws UsageError, naming the
// lengths, if a sequence of up to `longest` tokens turns otherwise on the way (longrope, dynamic;
// RotaryAngles::regime()): before anything is computed, not where it happens.
void check_rotary_growth(const Model& model, std::int64_t held, std::int64_t longest);

}  // namespace headscope
