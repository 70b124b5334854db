// Products with the model's weights: x […, in] · weightᵀ + bias, weight [out, in], bias [out] or
// undefined.
//
// f32 on a GPU goes through the tensor cores where there are rows enough (kernels::split_terms): to
// the rounding of f32, and without the process-wide switch by which TF32 would round every product.
#pragma once

#include "lib/tensor/tensor.h"

namespace headscope {

// In the dtype of x.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias);

// In f32 whatever the dtype of x. What enters the residual stream and the logits goes through here:
// rounded to 16 bits it would lose up to 1/256 of the largest value.
Tensor linear_f32(const Tensor& x, const Tensor& weight, const Tensor& bias);

}  // namespace headscope
