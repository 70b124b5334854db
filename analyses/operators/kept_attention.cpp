#include "analyses/operators/kept_attention.h"

#include <algorithm>
#include <limits>

#include "lib/tensor/ops.h"

namespace headscope {
namespace {

Tensor is_seen(const Tensor& scores) {
  return scores.gt(-std::numeric_limits<float>::infinity());
}

Tensor per_head(const Tensor& values) {
  return values.to(at::kDouble).sum({0, 2, 3});
}

}  // namespace

KeptAttention kept_attention(const AttentionInputs& in,
                             const std::shared_ptr<const HeadOperator>& op) {
  const std::int64_t heads = in.q.size(2), columns = in.q.size(1);
  const auto options = in.q.options().dtype(at::kDouble);
  Tensor retained = at::zeros({heads}, options), kept_pairs = at::zeros({heads}, options);
  Tensor seen_pairs = at::zeros({heads}, options);
  const std::int64_t step =
      std::clamp<std::int64_t>(kScoresAtOnce / 4 / (heads * columns), 1, columns);
  for (std::int64_t begin = 0; begin < columns; begin += step) {
    const std::int64_t count = std::min(step, columns - begin);
    AttentionInputs block = in;
    block.q = in.q.narrow(1, begin, count);
    block.hidden = in.hidden.defined() ? in.hidden.narrow(2, begin, count) : Tensor();
    block.first_query = begin;
    const Tensor scores = attention_scores(block);
    block.spec.operators.assign(static_cast<std::size_t>(heads), op);
    const Tensor kept = is_seen(attention_scores(block));
    retained += per_head(attention_pattern(scores, in.spec) * kept);
    kept_pairs += per_head(kept);
    seen_pairs += per_head(is_seen(scores));
  }
  return {retained / static_cast<double>(columns * in.q.size(0)), kept_pairs / seen_pairs};
}

}  // namespace headscope
