// headscope's own operators, registered with Torch's dispatcher: the CPU forms here are the
// readable reference; libheadscope_cuda.so registers the GPU's (lib/kernels/*_cuda.cu) when it is
// opened.
#pragma once

#include "lib/tensor/tensor.h"

namespace headscope::kernels {

// x […, d] of any float dtype, gain [d] f32 → x / √(mean(x²) + eps) · gain, computed in f32, in the
// dtype of x, contiguous (Zhang & Sennrich 2019, arXiv:1910.07467).
Tensor rms_norm(const Tensor& x, const Tensor& gain, double eps);

// x [B, T, heads, d_head], cos and sin [B or 1, T, half] f32, 2·half ≤ d_head → contiguous:
// dimension i < half turns with i + half; the rest is copied (Su et al. 2021, arXiv:2104.09864).
Tensor rotate(const Tensor& x, const Tensor& cos, const Tensor& sin);

// gate_up […, 2 d] contiguous, the gate first → act(gate) · up […, d], computed in f32 on the GPU.
// `activation` is an Activation as an integer.
Tensor gated_activation(const Tensor& gate_up, std::int64_t activation);

}  // namespace headscope::kernels
