// Softmax attention of one layer: the fused form that never shows a T × T matrix, and the explicit
// one that does. Both take the same inputs and give the same z.
#pragma once

#include "lib/model/batch.h"
#include "lib/tensor/tensor.h"

namespace headscope {

struct AttentionInputs {
  Tensor q;  // [B, T, n_heads, d_head], rotated
  Tensor k;  // [B, S, n_kv_heads, d_head], rotated; S = past + T. Head h reads KV head h / (H / Kv)
  Tensor v;  // [B, S, n_kv_heads, d_head]
  double scale = 1.0;
  double softcap = 0.0;     // c·tanh(score / c) after scaling, before the mask, where > 0
  std::int64_t window = 0;  // > 0: query i sees keys (i − window, i]
  Tensor hidden;            // hidden_keys(), or undefined: plain causal from the first key
};

// True where a query must not see a key: [B or 1, 1, T, S] bool on `device`, or undefined when
// plain causality says it all. A padding query sees itself alone, so that no row is empty and no
// NaN is born.
Tensor hidden_keys(const BatchLayout& layout, std::int64_t window, const at::Device& device);

// z [B, T, n_heads, d_head]. Memory O(T) where Torch has a fused kernel; with a soft-cap, by blocks
// of queries.
Tensor fused_attention(const AttentionInputs& in);

// Scores [B, n_heads, T, S] f32: scaled, soft-capped, hidden keys −∞.
Tensor attention_scores(const AttentionInputs& in);

// Softmax over the last axis; rows that are all −∞ become 0. f32.
Tensor attention_pattern(const Tensor& scores);

// pattern · v → z [B, T, n_heads, d_head] in the dtype of v.
Tensor apply_pattern(const Tensor& pattern, const Tensor& v);

}  // namespace headscope
