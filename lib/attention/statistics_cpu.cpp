// Blocks of queries of one head: their scores are one product, which is reduced row by row while it
// is in the cache. Heads run on different threads.
#include "lib/attention/statistics_cpu.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include <ATen/ops/mm.h>

#include "lib/attention/statistics_rows.h"
#include "lib/tensor/ops.h"
#include "lib/tensor/tensor_fwd.h"

namespace headscope {
namespace {

constexpr std::int64_t kBlockScores = 1 << 18;  // 1 MB of scores at a time and thread
constexpr std::int64_t kMostRows = 64;

Tensor wide(const std::optional<Tensor>& tensor) {
  return tensor.has_value() ? tensor->to(at::kCPU, at::kFloat).contiguous() : Tensor();
}

Tensor whole(const std::optional<Tensor>& tensor) {
  return tensor.has_value() ? tensor->to(at::kCPU, at::kLong).contiguous() : Tensor();
}

// Everything the loops read and write.
struct Work {
  Tensor q{}, k{};  // f32, q scaled
  Tensor pads{}, alibi{}, sinks{}, given_lse{}, spans{}, targets{};
  double softcap = 0.0;
  std::int64_t window = 0, top_k = 0, block = 0;
  at::IntArrayRef offsets{}, windows{};
  Tensor lse{}, top_key{}, top_weight{}, offset_mass{}, window_mass{}, span_mass{}, target_mass{};
  Tensor first_mass{}, entropy{}, distance{}, column_mass{}, block_map{};

  [[nodiscard]] std::int64_t batch() const { return q.size(0); }
  [[nodiscard]] std::int64_t queries() const { return q.size(1); }
  [[nodiscard]] std::int64_t heads() const { return q.size(2); }
  [[nodiscard]] std::int64_t keys() const { return k.size(1); }
  [[nodiscard]] std::int64_t pad(std::int64_t b) const {
    return pads.defined() ? pads.const_data_ptr<std::int64_t>()[b] : 0;
  }
};

void allocate(Work& work, std::int64_t rows) {
  const auto zeros = [&](std::vector<std::int64_t> more, bool asked) {
    std::vector<std::int64_t> sizes{work.batch(), work.heads()};
    sizes.insert(sizes.end(), more.begin(), more.end());
    return asked ? at::zeros(sizes, at::kFloat) : at::empty({0}, at::kFloat);
  };
  const std::int64_t t = work.queries();
  const auto many = [&](std::int64_t n) { return zeros({t, n}, n > 0); };
  work.lse = zeros({t}, true);
  work.top_weight = many(work.top_k);
  work.top_key = at::full(work.top_weight.sizes(), -1, at::kLong);
  work.offset_mass = many(static_cast<std::int64_t>(work.offsets.size()));
  work.window_mass = many(static_cast<std::int64_t>(work.windows.size()));
  work.span_mass = many(work.spans.defined() ? work.spans.size(0) : 0);
  work.target_mass = many(work.targets.defined() ? work.targets.size(0) : 0);
  work.first_mass = zeros({t}, (rows & 1) != 0);
  work.entropy = zeros({t}, (rows & 2) != 0);
  work.distance = zeros({t}, (rows & 4) != 0);
  work.column_mass = zeros({work.keys()}, (rows & 8) != 0);
  const std::int64_t block = std::max<std::int64_t>(work.block, 1);
  work.block_map =
      zeros({(t + block - 1) / block, (work.keys() + block - 1) / block}, work.block > 0);
}

// One head of one row of the batch.
class Head {
 public:
  Head(const Work& work, std::int64_t b, std::int64_t h)
      : work_(work), b_(b), h_(h), past_(work.keys() - work.queries()) {
    q_ = work.q.select(0, b).select(1, h);
    k_ = work.k.select(0, b).select(1, h / (work.heads() / work.k.size(2)));
  }

  void run() {
    const std::int64_t most = std::clamp<std::int64_t>(kBlockScores / work_.keys(), 1, kMostRows);
    scores_ = at::empty({most, work_.keys()}, at::kFloat);
    const std::int64_t first = std::max<std::int64_t>(0, work_.pad(b_) - past_);
    for (std::int64_t begin = first; begin < work_.queries(); begin += most) {
      run_block(begin, std::min(most, work_.queries() - begin));
    }
  }

 private:
  [[nodiscard]] std::int64_t seen_from(std::int64_t self) const {
    const std::int64_t pad = work_.pad(b_);
    return work_.window > 0 ? std::max(pad, self - work_.window + 1) : pad;
  }

  void run_block(std::int64_t begin, std::int64_t count) {
    from_ = seen_from(past_ + begin);
    const std::int64_t keys = past_ + begin + count - from_;
    Tensor scores = scores_.flatten().narrow(0, 0, count * keys).view({count, keys});
    at::mm_out(scores, q_.narrow(0, begin, count), k_.narrow(0, from_, keys).t());
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t self = past_ + begin + i;
      const std::int64_t low = seen_from(self);
      float* row = scores.data_ptr<float>() + i * keys + (low - from_);
      reduce(begin + i, low, {row, static_cast<std::size_t>(self - low + 1)});
    }
  }

  // `s` are the scores of the keys from `low` to the query's own.
  void reduce(std::int64_t i, std::int64_t low, std::span<float> s) {
    if (work_.softcap > 0) {
      row_softcap(s, static_cast<float>(work_.softcap));
    }
    if (work_.alibi.defined()) {
      row_alibi(s, work_.alibi.const_data_ptr<float>()[h_], static_cast<float>(s.size() - 1));
    }
    const float sink = work_.sinks.defined() ? work_.sinks.const_data_ptr<float>()[h_]
                                             : -std::numeric_limits<float>::infinity();
    const bool given = work_.given_lse.defined();
    const float shift =
        given ? row_of<float>(work_.given_lse, i)[0] : std::max(sink, row_largest(s));
    const RowSums sums = row_exponentials(s, shift);
    const float sum = given ? 1.0f : sums.sum + std::exp(sink - shift);
    const float inverse = 1.0f / sum;
    row_of<float>(work_.lse, i)[0] = shift + std::log(sum);
    if (work_.entropy.numel() > 0) {
      row_of<float>(work_.entropy, i)[0] = (std::log(sum) * sums.sum - sums.weighted) * inverse;
    }
    if (work_.distance.numel() > 0) {
      row_of<float>(work_.distance, i)[0] = sums.distant * inverse;
    }
    single_keys(i, low, s, inverse);
    sum_keys(i, low, s, inverse);
    strongest(i, low, s, inverse);
  }

  void single_keys(std::int64_t i, std::int64_t low, std::span<const float> e, float inverse) {
    const std::int64_t self = past_ + i;
    const auto mass = [&](std::int64_t j) {
      return j < low || j > self ? 0.0f : e[static_cast<std::size_t>(j - low)] * inverse;
    };
    for (std::size_t n = 0; n < work_.offsets.size(); ++n) {
      row_of<float>(work_.offset_mass, i)[n] = mass(self - work_.offsets[n]);
    }
    for (std::int64_t n = 0; work_.targets.defined() && n < work_.targets.size(0); ++n) {
      const auto* target = work_.targets.const_data_ptr<std::int64_t>();
      row_of<float>(work_.target_mass, i)[n] =
          mass(target[(n * work_.batch() + b_) * work_.queries() + i]);
    }
    if (work_.first_mass.numel() > 0) {
      row_of<float>(work_.first_mass, i)[0] = mass(work_.pad(b_));
    }
  }

  void sum_keys(std::int64_t i, std::int64_t low, std::span<const float> e, float inverse) {
    for (std::size_t n = 0; n < work_.windows.size(); ++n) {
      const auto width = std::min(e.size(), static_cast<std::size_t>(work_.windows[n]));
      row_of<float>(work_.window_mass, i)[n] = row_sum(e.last(width)) * inverse;
    }
    for (std::int64_t n = 0; work_.spans.defined() && n < work_.spans.size(0); ++n) {
      const float* in_span =
          work_.spans.const_data_ptr<float>() + (n * work_.batch() + b_) * work_.keys() + low;
      row_of<float>(work_.span_mass, i)[n] = row_dot(e, in_span) * inverse;
    }
    if (work_.column_mass.numel() > 0) {
      float* column =
          work_.column_mass.data_ptr<float>() + (b_ * work_.heads() + h_) * work_.keys();
      row_add(e, inverse, column + low);
    }
    if (work_.block > 0) {
      add_blocks(i, low, e, inverse);
    }
  }

  void add_blocks(std::int64_t i, std::int64_t low, std::span<const float> e, float inverse) {
    const Tensor& map = work_.block_map;
    float* line = map.data_ptr<float>() +
                  ((b_ * work_.heads() + h_) * map.size(2) + i / work_.block) * map.size(3);
    for (std::size_t j = 0; j < e.size();) {
      const std::int64_t block = (low + static_cast<std::int64_t>(j)) / work_.block;
      const auto end = static_cast<std::size_t>((block + 1) * work_.block - low);
      const std::size_t count = std::min(end, e.size()) - j;
      line[block] += row_sum(e.subspan(j, count)) * inverse;
      j += count;
    }
  }

  void strongest(std::int64_t i, std::int64_t low, std::span<const float> e, float inverse) {
    if (work_.top_k == 0) {
      return;
    }
    auto* key = row_of<std::int64_t>(work_.top_key, i);
    const std::int64_t found = row_strongest(e, work_.top_k, key);
    for (std::int64_t n = 0; n < found; ++n) {
      row_of<float>(work_.top_weight, i)[n] = e[static_cast<std::size_t>(key[n])] * inverse;
      key[n] += low;
    }
  }

  // The row of query i in a [B, n_heads, T] or [B, n_heads, T, n] tensor.
  template <typename T>
  [[nodiscard]] T* row_of(const Tensor& tensor, std::int64_t i) const {
    const std::int64_t width = tensor.dim() == 4 ? tensor.size(3) : 1;
    return tensor.data_ptr<T>() + ((b_ * work_.heads() + h_) * work_.queries() + i) * width;
  }

  const Work& work_;
  std::int64_t b_, h_, past_;
  std::int64_t from_ = 0;  // the first key of the block's scores
  Tensor q_, k_, scores_;
};

}  // namespace

std::vector<Tensor> attention_statistics_cpu(const Tensor& q,
                                             const Tensor& k,
                                             double scale,
                                             double softcap,
                                             std::int64_t window,
                                             const std::optional<Tensor>& pads,
                                             const std::optional<Tensor>& alibi,
                                             const std::optional<Tensor>& sinks,
                                             const std::optional<Tensor>& lse,
                                             std::int64_t top_k,
                                             at::IntArrayRef offsets,
                                             at::IntArrayRef windows,
                                             const std::optional<Tensor>& spans,
                                             const std::optional<Tensor>& targets,
                                             std::int64_t rows,
                                             std::int64_t block) {
  Work work{.q = q.to(at::kFloat) * scale,
            .k = k.to(at::kFloat),
            .pads = whole(pads),
            .alibi = wide(alibi),
            .sinks = wide(sinks),
            .given_lse = wide(lse),
            .spans = wide(spans),
            .targets = whole(targets),
            .softcap = softcap,
            .window = window,
            .top_k = top_k,
            .block = block,
            .offsets = offsets,
            .windows = windows};
  allocate(work, rows);
  const std::int64_t heads = work.batch() * work.heads();
  at::parallel_for(0, heads, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      Head(work, n / work.heads(), n % work.heads()).run();
    }
  });
  return {work.lse,
          work.top_key,
          work.top_weight,
          work.offset_mass,
          work.window_mass,
          work.span_mass,
          work.target_mass,
          work.first_mass,
          work.entropy,
          work.distance,
          work.column_mass,
          work.block_map};
}

}  // namespace headscope
