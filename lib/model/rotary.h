// Rotary position embedding (Su et al. 2021, arXiv:2104.09864), half-split form.
#pragma once

#include "lib/model/config.h"
#include "lib/tensor/tensor.h"

namespace headscope {

// Angles a position, [dim/2] f32, in the arithmetic (f32) of the reference implementations, so that
// long prompts agree with them to the last bit.
Tensor rotary_frequencies(const Rope& rope);

// Cosines and sines [B or 1, T, dim/2] f32 of position ids [B or 1, T].
struct RotaryTable {
  Tensor cos, sin;
};
RotaryTable rotary_table(const Tensor& position_ids, const Tensor& frequencies);

// x [B, T, heads, d_head] → the same with the first `dim` dimensions turned, in the dtype of x.
Tensor rotate(const Tensor& x, const RotaryTable& table);

}  // namespace headscope
