// Checks and dispatch of statistics.h: the CPU form is in statistics_cpu.cpp, the GPU's in the
// plug-in.
#include "lib/attention/statistics.h"

#include <fmt/ranges.h>

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

#include "lib/attention/statistics_cpu.h"
#include "lib/attention/statistics_explicit.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"

TORCH_LIBRARY_FRAGMENT(headscope, m) {
  // Returns the tensors of AttentionStatistics in its order; empty ones were not asked for. `rows`
  // has bits 1: first, 2: entropy, 4: distance, 8: columns.
  m.def(
      "attention_statistics(Tensor q, Tensor k, float scale, float softcap, int window, "
      "Tensor? pads, Tensor? alibi, Tensor? sinks, Tensor? lse, int top_k, int[] offsets, "
      "int[] windows, Tensor? spans, Tensor? targets, int rows, int block) -> Tensor[]");
}

TORCH_LIBRARY_IMPL(headscope, CPU, m) {
  m.impl("attention_statistics", headscope::attention_statistics_cpu);
}

namespace headscope {
namespace {

std::optional<Tensor> optional(const Tensor& tensor) {
  return tensor.defined() ? std::optional<Tensor>(tensor) : std::nullopt;
}

void check_shape(const Tensor& tensor, at::IntArrayRef expected, const char* name) {
  if (tensor.defined() && !tensor.sizes().equals(expected)) {
    throw UsageError("attention_statistics: {} is {}, not {}",
                     name,
                     fmt::join(tensor.sizes(), "×"),
                     fmt::join(expected, "×"));
  }
}

void check_positive(const std::vector<std::int64_t>& values, std::int64_t least, const char* name) {
  for (const std::int64_t value : values) {
    if (value < least) {
      throw UsageError("attention_statistics: {} of {}; at least {}", name, value, least);
    }
  }
}

void check(const StatisticsInputs& in, const StatisticsRequest& request) {
  if (in.q.dim() != 4 || in.k.dim() != 4 || in.q.size(0) != in.k.size(0) ||
      in.q.size(3) != in.k.size(3) || in.k.size(1) < in.q.size(1) ||
      in.q.size(2) % in.k.size(2) != 0 || in.q.scalar_type() != in.k.scalar_type()) {
    throw UsageError("attention_statistics: q is {} and k is {}",
                     fmt::join(in.q.sizes(), "×"),
                     fmt::join(in.k.sizes(), "×"));
  }
  const std::int64_t batch = in.q.size(0);
  const std::int64_t heads = in.q.size(2);
  const auto count = [](const Tensor& t) { return t.defined() ? t.size(0) : 0; };
  check_shape(in.pads, {batch}, "pads");
  check_shape(in.spec.alibi, {heads}, "alibi");
  check_shape(in.spec.sinks, {heads}, "sinks");
  check_shape(in.spec.head_scale, {heads}, "head_scale");
  check_shape(in.lse, {batch, heads, in.q.size(1)}, "lse");
  check_shape(request.spans, {count(request.spans), batch, in.k.size(1)}, "spans");
  check_shape(request.targets, {count(request.targets), batch, in.q.size(1)}, "targets");
  const std::int64_t before = is_causal(in.spec) ? 0 : -in.k.size(1);
  check_positive(request.offsets, before, "an offset");
  check_positive(request.windows, 1, "a window");
  if (request.top_k < 0 || request.top_k > kMostTop || count(request.spans) > kMostSpans ||
      request.block < 0) {
    throw UsageError(
        "attention_statistics: top {} (at most {}), {} spans (at most {}), blocks of "
        "{}",
        request.top_k,
        kMostTop,
        count(request.spans),
        kMostSpans,
        request.block);
  }
}

// Queries and keys as the kernels take them: they know no scale a head, so queries carry it, in f32
// that nothing be rounded.
std::pair<Tensor, Tensor> kernel_operands(const StatisticsInputs& in) {
  if (!in.spec.head_scale.defined()) {
    return {in.q, in.k};
  }
  return {in.q.to(at::kFloat) * in.spec.head_scale.view({-1, 1}), in.k.to(at::kFloat)};
}

// The kernel of the device, with what it takes of inputs and request; 12 values.
std::vector<Tensor> call_kernel(const StatisticsInputs& in, const StatisticsRequest& request) {
  using Maybe = const std::optional<Tensor>&;
  using Signature = std::vector<Tensor>(const Tensor&,
                                        const Tensor&,
                                        double,
                                        double,
                                        std::int64_t,
                                        Maybe,
                                        Maybe,
                                        Maybe,
                                        Maybe,
                                        std::int64_t,
                                        at::IntArrayRef,
                                        at::IntArrayRef,
                                        Maybe,
                                        Maybe,
                                        std::int64_t,
                                        std::int64_t);
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("headscope::attention_statistics", "")
                             .typed<Signature>();
  const AttentionSpec& spec = in.spec;
  const auto [q, k] = kernel_operands(in);
  const std::int64_t rows = (request.first ? 1 : 0) | (request.entropy ? 2 : 0) |
                            (request.distance ? 4 : 0) | (request.columns ? 8 : 0);
  return op.call(q,
                 k,
                 spec.scale,
                 spec.softcap,
                 spec.window,
                 optional(in.pads),
                 optional(spec.alibi),
                 optional(spec.sinks),
                 optional(in.lse),
                 request.top_k,
                 request.offsets,
                 request.windows,
                 optional(request.spans),
                 optional(request.targets),
                 rows,
                 request.block);
}

}  // namespace

AttentionStatistics attention_statistics(const StatisticsInputs& in,
                                         const StatisticsRequest& request) {
  check(in, request);
  if (in.bias.defined() || in.score_scale.defined() || !statistics_kernels_know(in.spec)) {
    return attention_statistics_explicit(in, request);
  }
  std::vector<Tensor> out = call_kernel(in, request);
  for (Tensor& each : out) {
    each = each.numel() == 0 ? Tensor() : each;
  }
  return {out[0],
          out[1],
          out[2],
          out[3],
          out[4],
          out[5],
          out[6],
          out[7],
          out[8],
          out[9],
          out[10],
          out[11]};
}

}  // namespace headscope
