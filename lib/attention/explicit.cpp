#include <limits>

#include <ATen/ops/triu.h>

#include "lib/attention/attention.h"
#include "lib/tensor/autograd.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// [B, T, H, d] → [B, Kv, G·T, d]: the heads that share a KV head stacked, so that one product a KV
// head serves them all and keys are never repeated.
Tensor stack_heads(const Tensor& q, std::int64_t kv_heads) {
  const Tensor heads_first = q.transpose(1, 2).to(at::kFloat).contiguous();
  return heads_first.view({q.size(0), kv_heads, (q.size(2) / kv_heads) * q.size(1), q.size(3)});
}

Tensor causal_hidden(std::int64_t queries, std::int64_t keys, const at::Device& device) {
  const Tensor key = at::arange(keys, at::TensorOptions().device(device).dtype(at::kLong));
  const Tensor query =
      at::arange(keys - queries, keys, at::TensorOptions().device(device).dtype(at::kLong));
  return key.view({1, 1, 1, -1}) > query.view({1, 1, -1, 1});
}

}  // namespace

Tensor attention_scores(const AttentionInputs& in) {
  const std::int64_t batch = in.q.size(0);
  const std::int64_t queries = in.q.size(1);
  const std::int64_t keys = in.k.size(1);
  const Tensor q = stack_heads(in.q, in.k.size(2));
  const Tensor k = in.k.permute({0, 2, 3, 1}).to(at::kFloat);
  Tensor scores = at::matmul(q, k).mul_(in.scale).view({batch, in.q.size(2), queries, keys});
  if (in.softcap > 0) {
    scores = (scores.div_(in.softcap).tanh_()) * in.softcap;  // tanh's derivative needs its value
  }
  const Tensor hidden =
      in.hidden.defined() ? in.hidden : causal_hidden(queries, keys, scores.device());
  return scores.masked_fill_(hidden, -std::numeric_limits<float>::infinity());
}

Tensor attention_pattern(const Tensor& scores) {
  const Tensor pattern = at::softmax(scores, -1);
  return needs_gradient(scores) ? pattern.nan_to_num(0.0) : pattern.nan_to_num_(0.0);
}

Tensor apply_pattern(const Tensor& pattern, const Tensor& v) {
  const std::int64_t batch = v.size(0);
  const std::int64_t keys = v.size(1);
  const std::int64_t kv_heads = v.size(2);
  const std::int64_t heads = pattern.size(1);
  const std::int64_t queries = pattern.size(2);
  const Tensor weights =
      pattern.to(v.scalar_type()).reshape({batch, kv_heads, (heads / kv_heads) * queries, keys});
  const Tensor z = at::matmul(weights, v.transpose(1, 2));
  return z.view({batch, heads, queries, v.size(3)}).transpose(1, 2);
}

}  // namespace headscope
