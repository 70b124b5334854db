// Attention of heads that see the first tokens and the last ones alone (HeadOperator::kept_keys()):
// by Torch's fused kernels over the keys that a block of queries sees: no score is formed, and the
// memory follows what is kept (the time only for long texts: `headscope bench cache` tells).
#pragma once

#include <cstdint>

#include "lib/attention/attention.h"
#include "lib/attention/head_operator.h"

namespace headscope {

// Keys and values of some KV heads: columns that follow each other, and each row's first tokens,
// which may lie before them.
struct StreamedKeys {
  Tensor k, v;             // [B, S, n_kv_heads, d_head]: columns first … first + S − 1
  Tensor sink_k, sink_v;   // [B, kept.sink, n_kv_heads, d_head]; finite where a row has fewer
  std::int64_t first = 0;  // at most the first query's column − kept.local + 1, or 0
  KeptKeys kept{};
};

// True where hiding keys is all that is done to plain scores: no biases, no window of the model's
// own, no gradient asked for.
bool can_stream(const AttentionInputs& in);

// z [B, T, n_heads, d_head] of the queries `in.q`, whose last column is the last of `keys`. Of
// `in`, q, spec (without operators) and pads are read.
Tensor streaming_attention(const AttentionInputs& in, const StreamedKeys& keys);

// The same, where all keys and values are at hand: in.k and in.v.
Tensor streaming_attention(const AttentionInputs& in, const KeptKeys& kept);

}  // namespace headscope
