// The GPU form of statistics.h: checks, strides, outputs and the current stream; the kernels are in
// statistics_cuda.cu and the files it names.
#include "lib/attention/statistics_cuda.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

namespace headscope::cuda {
namespace {

using Maybe = const std::optional<at::Tensor>&;

constexpr std::int64_t kFirst = 1, kEntropy = 2, kDistance = 4, kColumns = 8;  // of `rows`

// Owns what the arguments point to.
class Call {
 public:
  Call(const at::Tensor& q, const at::Tensor& k) : q_(unit_stride(q)), k_(unit_stride(k)) {
    TORCH_CHECK(q.scalar_type() == k.scalar_type() &&
                    (q.scalar_type() == at::kFloat || q.scalar_type() == at::kBFloat16 ||
                     q.scalar_type() == at::kHalf),
                "attention_statistics takes q and k of f32, bf16 or f16");
    TORCH_CHECK(k.size(1) < (std::int64_t{1} << 30), "attention_statistics: too many keys");
    args.q = q_.const_data_ptr();
    args.k = k_.const_data_ptr();
    args.q_at = {q_.stride(0), q_.stride(1), q_.stride(2)};
    args.k_at = {k_.stride(0), k_.stride(1), k_.stride(2)};
    args.batch = q.size(0);
    args.queries = q.size(1);
    args.heads = q.size(2);
    args.d = q.size(3);
    args.keys = k.size(1);
    args.kv_heads = k.size(2);
    args.padded_keys = (args.keys + kTileKeys - 1) / kTileKeys * kTileKeys;
    for (at::Tensor& each : out) {
      each = at::empty({0}, q.options().dtype(at::kFloat));
    }
  }

  // On the device of q, dense; null if not given.
  template <typename T>
  const T* input(Maybe given, at::ScalarType type) {
    if (!given) {
      return nullptr;
    }
    kept_.push_back(given->to(q_.device(), type).contiguous());
    return kept_.back().const_data_ptr<T>();
  }

  template <typename T>
  const T* input(std::vector<std::int64_t> values, at::ScalarType type) {
    if (values.empty()) {
      return nullptr;
    }
    for (std::int64_t& value : values) {
      value = std::min(value, args.keys);  // further than any key is as far as the first
    }
    return input<T>(at::tensor(values, at::kLong), type);
  }

  void* scratch(std::int64_t bytes) {
    kept_.push_back(at::empty({bytes}, q_.options().dtype(at::kByte)));
    return kept_.back().data_ptr();
  }

  // [B, H, T] or [B, H, T, n].
  float* rows(std::size_t which, std::int64_t n = 0) {
    std::vector<std::int64_t> sizes{args.batch, args.heads, args.queries};
    if (n > 0) {
      sizes.push_back(n);
    }
    out[which] = at::empty(sizes, q_.options().dtype(at::kFloat));
    return out[which].data_ptr<float>();
  }

  float* sums(std::size_t which, std::int64_t down, std::int64_t across) {
    out[which] = at::zeros({args.batch, args.heads, down, across}, q_.options().dtype(at::kFloat));
    return out[which].data_ptr<float>();
  }

  [[nodiscard]] Element element() const {
    return q_.scalar_type() == at::kFloat      ? Element::f32
           : q_.scalar_type() == at::kBFloat16 ? Element::bf16
                                               : Element::f16;
  }

  StatisticsArgs args{};
  std::vector<at::Tensor> out{12};

 private:
  static at::Tensor unit_stride(const at::Tensor& x) {
    return x.stride(-1) == 1 ? x : x.contiguous();
  }

  at::Tensor q_, k_;
  std::vector<at::Tensor> kept_;
};

void check(int error, const char* what) {
  TORCH_CHECK(error == 0, "launching ", what, " failed with CUDA error ", error);
}

// The log-sum-exp, given or found.
void find_lse(Call& call, Maybe lse, void* stream) {
  if (lse) {
    call.out[0] = lse->to(at::kFloat).contiguous();
    call.args.lse = const_cast<float*>(call.out[0].const_data_ptr<float>());  // only read
    return;
  }
  call.args.lse = call.rows(0);
  check(statistics_lse(call.args, call.element(), stream), "the first pass");
}

void allocate_sums(Call& call, std::int64_t rows, std::int64_t block) {
  StatisticsArgs& args = call.args;
  if (args.top_k > 0) {
    call.out[1] = at::empty({args.batch, args.heads, args.queries, args.top_k},
                            call.out[0].options().dtype(at::kLong));
    args.top_key = call.out[1].data_ptr<std::int64_t>();
    args.top_weight = call.rows(2, args.top_k);
  }
  args.window_mass = args.windows > 0 ? call.rows(4, args.windows) : nullptr;
  args.span_mass = args.spans > 0 ? call.rows(5, args.spans) : nullptr;
  args.entropy = (rows & kEntropy) != 0 ? call.rows(8) : nullptr;
  args.distance = (rows & kDistance) != 0 ? call.rows(9) : nullptr;
  args.column_mass = (rows & kColumns) != 0 ? call.sums(10, 1, args.padded_keys) : nullptr;
  args.block = block;
  if (block > 0) {
    args.blocks_down = static_cast<int>((args.queries + block - 1) / block);
    args.blocks_across = static_cast<int>((args.keys + block - 1) / block);
    args.tiles_a_block = block % kTileKeys == 0 ? static_cast<int>(block / kTileKeys) : 0;
    args.block_map = call.sums(11, args.blocks_down, args.blocks_across);
  }
}

void reduce_tiles(Call& call, std::int64_t rows, std::int64_t block, void* stream) {
  StatisticsArgs& args = call.args;
  allocate_sums(call, rows, block);
  const bool any = args.top_k > 0 || args.windows > 0 || args.spans > 0 || block > 0 ||
                   (rows & (kEntropy | kDistance | kColumns)) != 0;
  if (!any) {
    return;
  }
  args.weights =
      call.scratch(args.batch * args.padded_keys * (args.spans > kSpansNarrow ? 32 : 16));
  args.span_bits = args.spans > 0
                       ? static_cast<std::uint8_t*>(call.scratch(args.batch * args.padded_keys))
                       : nullptr;
  check(prepare_spans(args, stream), "the spans' weights");
  check(statistics(args, call.element(), stream), "the statistics");
  if (args.column_mass != nullptr) {
    call.out[10] = call.out[10].squeeze(2).narrow(2, 0, args.keys).contiguous();
  }
}

void reduce_keys(Call& call, std::int64_t rows, void* stream) {
  StatisticsArgs& args = call.args;
  args.offset_mass = args.offsets > 0 ? call.rows(3, args.offsets) : nullptr;
  args.target_mass = args.targets > 0 ? call.rows(6, args.targets) : nullptr;
  args.first_mass = (rows & kFirst) != 0 ? call.rows(7) : nullptr;
  if (args.offsets > 0 || args.targets > 0 || args.first_mass != nullptr) {
    check(statistics_keys(args, call.element(), stream), "the statistics of single keys");
  }
}

std::vector<at::Tensor> attention_statistics_gpu(const at::Tensor& q,
                                                 const at::Tensor& k,
                                                 double scale,
                                                 double softcap,
                                                 std::int64_t window,
                                                 Maybe pads,
                                                 Maybe alibi,
                                                 Maybe sinks,
                                                 Maybe lse,
                                                 std::int64_t top_k,
                                                 at::IntArrayRef offsets,
                                                 at::IntArrayRef windows,
                                                 Maybe spans,
                                                 Maybe targets,
                                                 std::int64_t rows,
                                                 std::int64_t block) {
  const c10::cuda::CUDAGuard guard(q.device());
  void* stream = c10::cuda::getCurrentCUDAStream().stream();
  Call call(q, k);
  StatisticsArgs& args = call.args;
  args.scale = static_cast<float>(scale);
  args.softcap = static_cast<float>(softcap);
  args.window = window;
  args.pads = call.input<std::int64_t>(pads, at::kLong);
  args.alibi = call.input<float>(alibi, at::kFloat);
  args.sinks = call.input<float>(sinks, at::kFloat);
  args.top_k = top_k;
  args.offsets = static_cast<std::int64_t>(offsets.size());
  args.offset = call.input<std::int64_t>(offsets.vec(), at::kLong);
  args.windows = static_cast<std::int64_t>(windows.size());
  args.window_of = call.input<std::int32_t>(windows.vec(), at::kInt);
  args.spans = spans ? spans->size(0) : 0;
  args.span = call.input<bool>(spans, at::kBool);
  args.targets = targets ? targets->size(0) : 0;
  args.target = call.input<std::int64_t>(targets, at::kLong);
  if (q.numel() == 0) {
    call.out[0] = at::zeros({args.batch, args.heads, args.queries}, call.out[0].options());
    return call.out;
  }
  find_lse(call, lse, stream);
  reduce_tiles(call, rows, block, stream);
  reduce_keys(call, rows, stream);
  return call.out;
}

}  // namespace
}  // namespace headscope::cuda

TORCH_LIBRARY_IMPL(headscope, CUDA, m) {
  m.impl("attention_statistics", headscope::cuda::attention_statistics_gpu);
}
