// Softmax attention of one layer: the fused form that never shows a T × T matrix, and the explicit
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
  std::int64_t first_query = -1;  // its column; −1: the queries are the last columns
};

// Scores (elements) that are formed at a time where z needs them: 64 MB of f32.
inline constexpr std::int64_t kScoresAtOnce = 1 << 24;

// z [B, T, n_heads, d_head]. Memory O(T) where Torch has a fused kernel; where forms_scores(spec),
// by blocks of queries.
Tensor fused_attention(const AttentionInputs& in);

// Scores [B, n_heads, T, S] f32: scaled, soft-capped, biased, hidden keys −∞.
Tensor attention_scores(const AttentionInputs& in);

// Softmax over the last axis, with the spec's sinks in the denominator; rows that are all −∞ become
// 0. f32.
Tensor attention_pattern(const Tensor& scores, const AttentionSpec& spec);

// pattern · v → z [B, T, n_heads, d_head] in the dtype of v.
Tensor apply_pattern(const Tensor& pattern, const Tensor& v);

}  // namespace headscope
