// The GPU forms of kernels.h: checks, allocation and the current stream; the kernels are in
// elementwise_cuda.cu. Lives in libheadscope_cuda.so.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include "lib/kernels/elementwise_cuda.h"

namespace headscope::cuda {
namespace {

Element element_of(const at::Tensor& x) {
  switch (x.scalar_type()) {
    case at::kFloat:
      return Element::f32;
    case at::kBFloat16:
      return Element::bf16;
    case at::kHalf:
      return Element::f16;
    default:
      TORCH_CHECK(false, "headscope computes in f32, bf16 and f16, not ", x.scalar_type());
  }
}

void check_launch(int error, const char* kernel) {
  TORCH_CHECK(error == 0, "launching ", kernel, " failed with CUDA error ", error);
}

void* current_stream() {
  return c10::cuda::getCurrentCUDAStream().stream();
}

at::Tensor rms_norm_gpu(const at::Tensor& x, const at::Tensor& gain, double eps) {
  const c10::cuda::CUDAGuard guard(x.device());
  const at::Tensor in = x.contiguous();
  at::Tensor out = at::empty(in.sizes(), in.options());
  const std::int64_t d = x.size(-1);
  check_launch(rms_norm({.x = in.const_data_ptr(),
                         .gain = gain.const_data_ptr<float>(),
                         .y = out.data_ptr(),
                         .rows = in.numel() / d,
                         .d = d,
                         .eps = static_cast<float>(eps)},
                        element_of(in),
                        current_stream()),
               "rms_norm");
  return out;
}

at::Tensor rotate_gpu(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin) {
  const c10::cuda::CUDAGuard guard(x.device());
  const at::Tensor in = x.stride(-1) == 1 ? x : x.contiguous();
  const at::Tensor cosines = cos.contiguous();
  const at::Tensor sines = sin.contiguous();
  at::Tensor out = at::empty(x.sizes(), x.options());
  check_launch(rotate({.x = in.const_data_ptr(),
                       .cos = cosines.const_data_ptr<float>(),
                       .sin = sines.const_data_ptr<float>(),
                       .y = out.data_ptr(),
                       .batch = x.size(0),
                       .tokens = x.size(1),
                       .heads = x.size(2),
                       .d = x.size(3),
                       .half = cos.size(-1),
                       .stride_b = in.stride(0),
                       .stride_t = in.stride(1),
                       .stride_h = in.stride(2),
                       .angle_stride_b = cos.size(0) == 1 ? 0 : cos.size(1) * cos.size(2)},
                      element_of(in),
                      current_stream()),
               "rotate");
  return out;
}

at::Tensor gated_activation_gpu(const at::Tensor& gate_up, std::int64_t activation) {
  const c10::cuda::CUDAGuard guard(gate_up.device());
  const at::Tensor in = gate_up.contiguous();
  auto sizes = in.sizes().vec();
  sizes.back() /= 2;
  at::Tensor out = at::empty(sizes, in.options());
  const std::int64_t d = sizes.back();
  check_launch(gated_activation({.gate_up = in.const_data_ptr(),
                                 .y = out.data_ptr(),
                                 .rows = out.numel() / d,
                                 .d = d,
                                 .activation = static_cast<Activation>(activation)},
                                element_of(in),
                                current_stream()),
               "gated_activation");
  return out;
}

at::Tensor split_terms_gpu(const at::Tensor& x, std::int64_t side) {
  const c10::cuda::CUDAGuard guard(x.device());
  const at::Tensor in = x.contiguous();
  at::Tensor out = at::empty({x.size(0), 6 * x.size(1)}, in.options().dtype(at::kBFloat16));
  check_launch(split_terms({.x = in.const_data_ptr<float>(),
                            .y = out.data_ptr(),
                            .rows = x.size(0),
                            .k = x.size(1),
                            .side = static_cast<int>(side)},
                           current_stream()),
               "split_terms");
  return out;
}

}  // namespace
}  // namespace headscope::cuda

TORCH_LIBRARY_IMPL(headscope, CUDA, m) {
  m.impl("rms_norm", headscope::cuda::rms_norm_gpu);
  m.impl("rotate", headscope::cuda::rotate_gpu);
  m.impl("gated_activation", headscope::cuda::gated_activation_gpu);
  m.impl("split_terms", headscope::cuda::split_terms_gpu);
}
