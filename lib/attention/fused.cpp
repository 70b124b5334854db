#include <algorithm>

#include "lib/attention/attention.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// [B, S, Kv, d] → [B, H, S, d], KV heads repeated for the heads that share them.
Tensor expand_heads(const Tensor& x, std::int64_t heads) {
  const std::int64_t kv_heads = x.size(2);
  const Tensor heads_first = x.transpose(1, 2);
  if (heads == kv_heads) {
    return heads_first;
  }
  return heads_first.unsqueeze(2)
      .expand({x.size(0), kv_heads, heads / kv_heads, x.size(1), x.size(3)})
      .reshape({x.size(0), heads, x.size(1), x.size(3)});
}

AttentionInputs query_block(const AttentionInputs& in, std::int64_t begin, std::int64_t count) {
  AttentionInputs block = in;
  block.q = in.q.narrow(1, begin, count);
  block.first_query = in.k.size(1) - in.q.size(1) + begin;
  if (in.hidden.defined()) {
    block.hidden = in.hidden.narrow(2, begin, count);
  } else if (is_causal(in.spec)) {  // causality is relative to the block's own queries: later keys
                                    // are cut off
    const std::int64_t keys = in.k.size(1) - in.q.size(1) + begin + count;
    block.k = in.k.narrow(1, 0, keys);
    block.v = in.v.narrow(1, 0, keys);
  }
  return block;
}

// What no fused kernel of Torch's applies: blocks of queries keep memory small.
Tensor blockwise(const AttentionInputs& in) {
  const std::int64_t queries = in.q.size(1);
  const std::int64_t row = in.q.size(0) * in.q.size(2) * in.k.size(1);
  const std::int64_t step = std::clamp<std::int64_t>(kScoresAtOnce / row, 1, queries);
  std::vector<Tensor> z;
  for (std::int64_t begin = 0; begin < queries; begin += step) {
    const auto block = query_block(in, begin, std::min(step, queries - begin));
    z.push_back(apply_pattern(attention_pattern(attention_scores(block), block.spec), block.v));
  }
  return z.size() == 1 ? z.front() : at::cat(z, 1);
}

// One query a head: the heads that share keys and values ask as queries of one head, so that
// nothing is repeated for them at each step of decoding.
Tensor one_query_attention(const AttentionInputs& in) {
  const std::int64_t kv_heads = in.k.size(2);
  const std::int64_t group = in.q.size(2) / kv_heads;
  const Tensor q = in.q.reshape({in.q.size(0), kv_heads, group, in.q.size(3)});
  std::optional<Tensor> allowed;
  if (in.hidden.defined()) {
    allowed = in.hidden.logical_not();
  }
  return at::scaled_dot_product_attention(
             q, in.k.transpose(1, 2), in.v.transpose(1, 2), allowed, 0.0, false, in.spec.scale)
      .reshape(in.q.sizes());
}

}  // namespace

Tensor fused_attention(const AttentionInputs& in) {
  if (forms_scores(in.spec)) {
    return blockwise(in);
  }
  if (in.q.size(1) == 1 && in.q.size(2) > in.k.size(2)) {
    return one_query_attention(in);
  }
  const Tensor q = in.q.transpose(1, 2);
  const Tensor k = expand_heads(in.k, q.size(1));
  const Tensor v = expand_heads(in.v, q.size(1));
  std::optional<Tensor> allowed;
  if (in.hidden.defined()) {
    allowed = in.hidden.logical_not();
  }
  const bool causal = is_causal(in.spec) && !allowed && q.size(2) > 1;
  return at::scaled_dot_product_attention(q, k, v, allowed, 0.0, causal, in.spec.scale)
      .transpose(1, 2);
}

}  // namespace headscope
