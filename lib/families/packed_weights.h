// Weights that stay as their files pack them.
#pragma once

#include <vector>

#include "lib/families/expert_weights.h"
#include "lib/weights/weight_source.h"

namespace headscope {

// True if the one tensor that all of `readings` are of can stay packed: a matrix whose rows a file
// holds whole and unscaled, smaller than in f32.
bool stays_packed(const WeightSource& source, const std::vector<WeightReading>& readings);

// Fills that tensor with a packed one.
void keep_packed(const WeightSource& source, const std::vector<WeightReading>& readings);

// Bytes it will take.
std::int64_t packed_bytes(const WeightSource& source, const std::vector<WeightReading>& readings);

// True if any of them is.
bool holds_packed(const Weights& weights);

}  // namespace headscope
