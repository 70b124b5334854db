// What the .cu file offers its ATen side: plain pointers, no Torch. Each call is one launch on
// `stream` (a cudaStream_t) and returns a cudaError_t as an int.
#pragma once

#include <cstdint>

#include "lib/kernels/activation.h"
#include "lib/kernels/element_cuda.h"

namespace headscope::cuda {

struct RmsNormArgs {
  const void* x;      // [rows, d]
  const float* gain;  // [d]
  void* y;            // [rows, d]
  std::int64_t rows;
  std::int64_t d;
  float eps;
};
int rms_norm(const RmsNormArgs& args, Element element, void* stream);

struct RotateArgs {
  const void* x;     // element (b, t, h, i) at b·stride_b + t·stride_t + h·stride_h + i
  const float* cos;  // [B or 1, T, half]
  const float* sin;
  void* y;  // [B, T, heads, d] contiguous
  std::int64_t batch, tokens, heads, d, half;
  std::int64_t stride_b, stride_t, stride_h;
  std::int64_t angle_stride_b;  // 0: one row of angles for the whole batch
};
int rotate(const RotateArgs& args, Element element, void* stream);

struct GatedArgs {
  const void* gate_up;  // [rows, 2 d]
  void* y;              // [rows, d]
  std::int64_t rows;
  std::int64_t d;
  Activation activation;
};
int gated_activation(const GatedArgs& args, Element element, void* stream);

struct SplitArgs {
  const float* x;  // [rows, k]
  void* y;         // [rows, 6 k] bf16
  std::int64_t rows;
  std::int64_t k;
  int side;  // headscope::kernels::SplitSide
};
int split_terms(const SplitArgs& args, void* stream);

}  // namespace headscope::cuda
