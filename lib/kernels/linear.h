// The product that writes into f32.
#pragma once

#include "lib/tensor/tensor.h"

namespace headscope {

// x […, in], weight [out, in], bias [out] or undefined → x · weightᵀ + bias […, out] in f32
// whatever the dtype of x. What enters the residual stream and the logits goes through here:
// rounded to 16 bits it would lose up to 1/256 of the largest value. On the GPU the product itself
// writes f32; elsewhere its own dtype is widened.
Tensor linear_f32(const Tensor& x, const Tensor& weight, const Tensor& bias);

}  // namespace headscope
