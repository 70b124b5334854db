// Attention of one layer: the fused form that never shows a T × T matrix, and the explicit
// one that does. Both take the same inputs and give the same z.
#pragma once

#include "lib/attention/spec.h"
#include "lib/tensor/tensor.h"

namespace headscope {

// Made by AttentionBuilder (lib/model/attention_builder.h), the one place where a layer of a model
// and the layout of a batch become this.
struct AttentionInputs {
  Tensor q;  // [B, T, n_heads, d_head], rotated
  Tensor k;  // [B, S, n_kv_heads, d_head], rotated; S = past + T. Head h reads KV head h / (H / Kv)
  Tensor v;  // [B, S, n_kv_heads, d_head]
  AttentionSpec spec;
  // hidden_keys(), or undefined: causal from the first key, the last query with the last key; or,
  // of a layer of full visibility, nothing hidden.
  Tensor hidden;
  // Beyond the spec, both f32 and undefined where there is none: scores become scale · score +
  // bias. The scale of a query's scores [B or 1, n_heads or 1, T or 1, 1], above 0; the bias
  // broadcasts against scores [B, n_heads, T, S], its last axis is S, and −∞ is a key not seen.
  // Each query must be left one.
  Tensor score_scale = {};
  Tensor bias = {};
  std::int64_t first_query = -1;  // its column; −1: the queries are the last columns
  // The log-sum-exp of each query's scores [B, n_heads, T] f32, where z was computed before and its
  // kernel left them; undefined elsewhere.
  Tensor lse = {};
  // [B] int64: columns of padding at the left of each row, for what asks where a token lies in its
  // prompt (operators of heads); undefined: none.
  Tensor pads = {};
};

// Scores (elements) that are formed at a time where z needs them: 64 MB of f32.
inline constexpr std::int64_t kScoresAtOnce = 1 << 24;

// z [B, T, n_heads, d_head]. Memory O(T) where Torch has a fused kernel; where forms_scores(spec),
// and the masks of a bias, by blocks of queries.
Tensor fused_attention(const AttentionInputs& in);

// The same z, bit for bit, and the log-sum-exp of the scores behind it [B, n_heads, T] f32, where
// Torch's kernel for these inputs gives it; else lse is undefined.
struct FusedAttention {
  Tensor z;
  Tensor lse;
};
FusedAttention fused_attention_with_lse(const AttentionInputs& in);

// Further changes of scores that may have been changed before: scale · (scale' · score + bias').
void scale_scores(AttentionInputs& in, const Tensor& scale);
void add_to_scores(AttentionInputs& in, const Tensor& bias);

// Scores [B, n_heads, T, S] f32: scaled, soft-capped, biased, by the spec and then by score_scale
// and bias; hidden keys −∞; of heads with an operator what it makes of them.
Tensor attention_scores(const AttentionInputs& in);

// The spec's normalizer over the last axis: softmax, with its sinks in the denominator, or relu, or
// that of a head's operator; rows that are all −∞ become 0. f32.
Tensor attention_pattern(const Tensor& scores, const AttentionSpec& spec);

// pattern · v → z [B, T, n_heads, d_head] in the dtype of v.
Tensor apply_pattern(const Tensor& pattern, const Tensor& v);

}  // namespace headscope
