// Products with packed matrices (lib/tensor/packed.h).
#pragma once

#include "lib/tensor/tensor.h"

namespace headscope {

// x […, in] · weightᵀ + bias in f32, `weight` [out, in] packed, bias [out] or undefined. Few rows
// of x are multiplied as the blocks are unpacked in registers (packed_dot.h); for many, a panel of
// the weights at a time is unpacked and multiplied as a matrix. Where x wants a gradient, the whole
// matrix is unpacked and kept for it.
Tensor packed_linear(const Tensor& x, const Tensor& weight, const Tensor& bias);

}  // namespace headscope
