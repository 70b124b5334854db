// The CPU forms of kernels.h, for the dispatcher and for tests that compare with the GPU's.
#pragma once

#include "lib/tensor/tensor.h"

namespace headscope::kernels {

Tensor rms_norm_cpu(const Tensor& x, const Tensor& gain, double eps);
Tensor rotate_cpu(const Tensor& x, const Tensor& cos, const Tensor& sin);
Tensor gated_activation_cpu(const Tensor& gate_up, std::int64_t activation);
Tensor split_terms_cpu(const Tensor& x, std::int64_t side);

}  // namespace headscope::kernels
