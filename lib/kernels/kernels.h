// headscope's own operators, registered with Torch's dispatcher: the CPU forms here are the
// readable reference; libheadscope_cuda.so registers the GPU's (lib/kernels/*_cuda.cu) when it is
// opened.
#pragma once

#include "lib/kernels/activation.h"
#include "lib/tensor/tensor.h"

namespace headscope::kernels {

// x […, d] of any float dtype, gain [d] f32 → x / √(mean(x²) + eps) · gain, computed in f32, in the
// dtype of x, contiguous (Zhang & Sennrich 2019, arXiv:1910.07467).
Tensor rms_norm(const Tensor& x, const Tensor& gain, double eps);

// x [B, T, heads, d_head], cos and sin [B or 1, T, half] f32, 2·half ≤ d_head → contiguous:
// dimension i < half turns with i + half; the rest is copied (Su et al. 2021, arXiv:2104.09864).
Tensor rotate(const Tensor& x, const Tensor& cos, const Tensor& sin);

// The nonlinearity of every element of x, in its dtype (Torch's own operators, so gradients flow).
Tensor activate(const Tensor& x, Activation activation);

// gate_up […, 2 d] contiguous, the gate first → activate(gate) · up […, d], computed in f32 on the
// GPU.
Tensor gated_activation(const Tensor& gate_up, Activation activation);

// The operands of an f32 product by bf16 tensor cores. Every element is the sum of three bf16
// terms, x = x0 + x1 + x2 (8 bits each, together the 24 of f32); of the nine products of terms the
// six largest are kept, smallest first, so that one bf16 product of six times the depth, summed in
// f32, gives x · wᵀ to the rounding of f32 (Henry et al. 2019, arXiv:1904.06376). x [rows, K] f32 →
// [rows, 6 K] bf16: blocks x2 x0 x1 x1 x0 x0 (left) or w0 w2 w1 w0 w1 w0 (right).
enum class SplitSide { left, right };
Tensor split_terms(const Tensor& x, SplitSide side);

}  // namespace headscope::kernels
