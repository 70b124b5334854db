#include "lib/attention/operators/key_blocks.h"

#include <limits>

#include <ATen/ops/gather.h>
#include <ATen/ops/scatter_add.h>
#include <ATen/ops/scatter_reduce.h>

#include "lib/attention/operators/selection.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr float kUnseen = -std::numeric_limits<float>::infinity();

// Scores of blocks [B, h, T, blocks]; −∞ where a query sees none of a block's keys. `block` is that
// of each key, of the shape of scores.
Tensor block_scores(const Tensor& scores, const Tensor& block, std::int64_t blocks, BlockScore by) {
  const std::vector<std::int64_t> shape{scores.size(0), scores.size(1), scores.size(2), blocks};
  if (by == BlockScore::highest) {
    return at::scatter_reduce(at::full(shape, kUnseen, scores.options()), 3, block, scores, "amax");
  }
  const Tensor seen = scores.gt(kUnseen);
  const Tensor none = at::zeros(shape, scores.options().dtype(at::kDouble));
  const Tensor sum =
      at::scatter_add(none, 3, block, scores.masked_fill(seen.logical_not(), 0.0).to(at::kDouble));
  const Tensor count = at::scatter_add(none, 3, block, seen.to(at::kDouble));
  return (sum / count).to(at::kFloat).masked_fill(count.eq(0), kUnseen);
}

}  // namespace

Tensor keys_of_blocks(const OperatorInputs& in,
                      const Tensor& scores,
                      const BlockChoice& choice,
                      BlockScore by) {
  const Tensor key_block = in.key.clamp_min(0).floor_divide(choice.block);
  const Tensor own = in.query.clamp_min(0).floor_divide(choice.block);
  const std::int64_t blocks = (scores.size(3) + choice.block - 1) / choice.block;
  const Tensor block = key_block.expand_as(scores);
  const Tensor all = at::arange(blocks, in.key.options()).view({1, 1, 1, -1});
  const Tensor always =
      all.lt(choice.first).logical_or(all.ge(own - choice.before)).logical_and(all.le(own));
  const Tensor ranked = block_scores(scores, block, blocks, by)
                            .masked_fill(always, std::numeric_limits<float>::infinity());
  const Tensor chosen = highest(ranked, choice.keep).logical_or(always);
  return at::gather(chosen, 3, block);
}

}  // namespace headscope
