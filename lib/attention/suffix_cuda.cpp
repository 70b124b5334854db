// The GPU form of suffix.h: checks, strides and the current stream; the kernel is in
// suffix_cuda.cu.
#include "lib/attention/suffix_cuda.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

namespace headscope::cuda {
namespace {

at::Tensor unit_stride(const at::Tensor& x) {
  return x.stride(-1) == 1 ? x : x.contiguous();
}

Strides strides_of(const at::Tensor& x) {
  return {x.stride(0), x.stride(1), x.stride(2)};
}

int element_of(const at::Tensor& x) {
  return x.scalar_type() == at::kFloat ? 0 : x.scalar_type() == at::kBFloat16 ? 1 : 2;
}

at::Tensor suffix_attention_gpu(const at::Tensor& query,
                                const at::Tensor& key,
                                const at::Tensor& value,
                                const at::Tensor& kept_key,
                                const at::Tensor& kept_value,
                                const at::Tensor& row,
                                const at::Tensor& pads,
                                std::int64_t past,
                                std::int64_t window,
                                double scale,
                                double softcap) {
  const c10::cuda::CUDAGuard guard(query.device());
  TORCH_CHECK(key.scalar_type() == query.scalar_type() &&
                  value.scalar_type() == query.scalar_type() &&
                  kept_key.scalar_type() == query.scalar_type() &&
                  kept_value.scalar_type() == query.scalar_type(),
              "suffix_attention takes one dtype");
  const at::Tensor q = unit_stride(query);
  const at::Tensor k = unit_stride(key);
  const at::Tensor v = unit_stride(value);
  const at::Tensor kept_k = unit_stride(kept_key);
  const at::Tensor kept_v = unit_stride(kept_value);
  at::Tensor z = at::empty(q.sizes(), q.options());
  const int error = suffix_attention({.q = q.const_data_ptr(),
                                      .k = k.const_data_ptr(),
                                      .v = v.const_data_ptr(),
                                      .kept_k = kept_k.const_data_ptr(),
                                      .kept_v = kept_v.const_data_ptr(),
                                      .row = row.const_data_ptr<std::int64_t>(),
                                      .pads = pads.const_data_ptr<std::int64_t>(),
                                      .z = z.data_ptr(),
                                      .q_at = strides_of(q),
                                      .k_at = strides_of(k),
                                      .v_at = strides_of(v),
                                      .kept_k_at = strides_of(kept_k),
                                      .kept_v_at = strides_of(kept_v),
                                      .rows = q.size(0),
                                      .queries = q.size(1),
                                      .columns = k.size(1),
                                      .heads = q.size(2),
                                      .kv_heads = k.size(2),
                                      .d = q.size(3),
                                      .past = past,
                                      .window = window,
                                      .scale = static_cast<float>(scale),
                                      .softcap = static_cast<float>(softcap)},
                                     element_of(q),
                                     c10::cuda::getCurrentCUDAStream().stream());
  TORCH_CHECK(error == 0, "launching suffix_attention failed with CUDA error ", error);
  return z;
}

}  // namespace
}  // namespace headscope::cuda

TORCH_LIBRARY_IMPL(headscope, CUDA, m) {
  m.impl("suffix_attention", headscope::cuda::suffix_attention_gpu);
}
