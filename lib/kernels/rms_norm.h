// RMS normalisation in one pass over memory.
#pragma once

#include "lib/tensor/tensor.h"

namespace headscope {

// x […, d] of any float dtype, gain [d] f32 → x / √(mean(x²) + eps) · gain, computed in f32, in the
// dtype of x, contiguous. CPU and CUDA.
Tensor rms_norm(const Tensor& x, const Tensor& gain, double eps);

}  // namespace headscope
