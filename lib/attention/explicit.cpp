#include <limits>

#include "lib/attention/attention.h"
#include "lib/attention/mask.h"
#include "lib/attention/operated_heads.h"
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

QueryKeys query_keys_of(const AttentionInputs& in) {
  const std::int64_t first = in.first_query < 0 ? in.k.size(1) - in.q.size(1) : in.first_query;
  return {first, in.q.size(1), in.k.size(1)};
}

// What is added to every score for how far its key is from its query: [H, T, S].
Tensor distance_bias_of(const AttentionInputs& in) {
  const auto [first, queries, keys] = query_keys_of(in);
  const auto options = at::TensorOptions().device(in.q.device()).dtype(at::kLong);
  const Tensor query = at::arange(first, first + queries, options).view({-1, 1});
  const Tensor distance = (query - at::arange(keys, options)).abs();  // [T, S]
  Tensor bias;
  if (in.spec.alibi.defined()) {
    bias = in.spec.alibi.neg().view({-1, 1, 1}) * distance;
  }
  if (in.spec.distance_bias.defined()) {
    const Tensor& table = in.spec.distance_bias;
    const Tensor index = distance.clamp_max(table.size(1) - 1).flatten();
    const Tensor listed = table.index_select(1, index).view({-1, queries, keys});
    bias = bias.defined() ? bias + listed : listed;
  }
  return bias;
}

bool plainly_full(const AttentionInputs& in) {
  return !is_causal(in.spec) && !in.hidden.defined();
}

Tensor relu_pattern(const Tensor& scores) {
  const Tensor seen = scores.detach().gt(-std::numeric_limits<float>::infinity());
  return at::relu(scores) / seen.sum(-1, true).clamp_min(1);
}

}  // namespace

void scale_scores(AttentionInputs& in, const Tensor& scale) {
  in.score_scale = in.score_scale.defined() ? in.score_scale * scale : scale;
  in.bias = in.bias.defined() ? in.bias * scale : in.bias;
}

void add_to_scores(AttentionInputs& in, const Tensor& bias) {
  const Tensor sum = in.bias.defined() ? in.bias + bias : bias;
  const std::int64_t keys = in.k.size(1);
  in.bias = sum.size(3) == keys ? sum : sum.expand({-1, -1, -1, keys});
}

namespace {

Tensor plain_scores(const AttentionInputs& in) {
  const std::int64_t batch = in.q.size(0);
  const std::int64_t queries = in.q.size(1);
  const std::int64_t keys = in.k.size(1);
  const AttentionSpec& spec = in.spec;
  const Tensor q = stack_heads(in.q, in.k.size(2));
  const Tensor k = in.k.permute({0, 2, 3, 1}).to(at::kFloat);
  Tensor scores = at::matmul(q, k).mul_(spec.scale).view({batch, in.q.size(2), queries, keys});
  if (spec.head_scale.defined()) {
    scores = scores * spec.head_scale.view({-1, 1, 1});
  }
  if (spec.softcap > 0) {
    scores =
        (scores.div_(spec.softcap).tanh_()) * spec.softcap;  // tanh's derivative needs its value
  }
  if (spec.alibi.defined() || spec.distance_bias.defined()) {
    scores = scores + distance_bias_of(in);
  }
  if (in.score_scale.defined()) {
    scores = scores * in.score_scale;
  }
  if (in.bias.defined()) {
    scores = scores + in.bias;
  }
  if (plainly_full(in)) {
    return scores;
  }
  const Tensor hidden = in.hidden.defined()
                            ? in.hidden
                            : hidden_keys(query_keys_of(in), {}, AttentionSpec(), scores.device());
  return scores.masked_fill_(hidden, -std::numeric_limits<float>::infinity());
}

Tensor plain_pattern(const Tensor& scores, const AttentionSpec& spec) {
  if (spec.normalizer == PatternNormalizer::relu) {
    return relu_pattern(scores);
  }
  Tensor pattern;
  if (spec.sinks.defined()) {
    const Tensor sinks =
        spec.sinks.view({1, -1, 1, 1}).expand({scores.size(0), scores.size(1), scores.size(2), 1});
    const Tensor with_sink = at::softmax(at::cat({scores, sinks}, -1), -1);
    pattern = with_sink.narrow(-1, 0, scores.size(-1));
  } else {
    pattern = at::softmax(scores, -1);
  }
  return needs_gradient(scores) ? pattern.nan_to_num(0.0) : pattern.nan_to_num_(0.0);
}

}  // namespace

Tensor attention_scores(const AttentionInputs& in) {
  const Tensor plain = plain_scores(in);
  return in.spec.operators.empty() ? plain : operated_scores(in, plain);
}

Tensor attention_pattern(const Tensor& scores, const AttentionSpec& spec) {
  const Tensor plain = plain_pattern(scores, spec);
  return spec.operators.empty() ? plain : operated_pattern(spec, scores, plain);
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
