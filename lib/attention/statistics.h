// What attention does, in numbers that fit in memory: every statistic is reduced tile by tile from
// scores computed again from q and k, so that no T × T matrix exists. O(T) memory, any context.
//
// The probability of key j for query i is p = exp(s − lse), where s is the score as
// hook_attn_scores has it (scaled, soft-capped, biased, hidden keys −∞) and lse the logarithm
// of the sum of exp(s) over the keys the query sees (and the head's sink, if it has one). Column
// numbers count from the first column of the keys, padding included. Of another normalizer than
// softmax p is what it makes of s, and lse is 0. Keys that a head's operator leaves out are not
// seen. Everything is f32.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "lib/attention/spec.h"
#include "lib/tensor/tensor.h"

namespace headscope {

struct StatisticsInputs {
  Tensor q;  // [B, T, n_heads, d_head], normed and rotated; query i is column S − T + i
  Tensor k;  // [B, S, n_kv_heads, d_head], too. Head h reads KV head h / (n_heads / n_kv_heads)
  AttentionSpec spec;
  Tensor score_scale = {};  // as in AttentionInputs
  Tensor bias = {};         // too
  Tensor pads;  // [B] int64: columns of padding at the left of each row; undefined: none
  Tensor lse;   // [B, n_heads, T] f32, if the fused pass left it; undefined: a first pass finds it
};

// What is to be reduced. All of a row belong to one query of one head.
struct StatisticsRequest {
  std::int64_t top_k = 0;  // the strongest keys and their p, at most kMostTop
  // p of the key `offset` columns before the query; below 0, behind it, where attention is not
  // causal
  std::vector<std::int64_t> offsets;
  std::vector<std::int64_t> windows;  // mass of the last `window` keys, the query's own included
  Tensor spans;                       // [n, B, S] bool, n ≤ kMostSpans: mass of the keys in each
  Tensor targets;                     // [n, B, T] int64: p of that column, one a query; −1: none
  bool first = false;                 // p of the row's first token
  bool entropy = false;               // −Σ p ln p over keys, nats
  bool distance = false;              // Σ p (i − j), tokens
  bool columns = false;               // mass a key receives, summed over queries
  std::int64_t block = 0;             // > 0: mass of every block × block square of the pattern
};
inline constexpr std::int64_t kMostTop = 8;
inline constexpr std::int64_t kMostSpans = 8;

// What was not asked for is undefined. Rows of padding are 0, and no one sees padding.
struct AttentionStatistics {
  Tensor lse;          // [B, n_heads, T]; always
  Tensor top_key;      // [B, n_heads, T, top_k] int64, strongest first; −1 where there are fewer
  Tensor top_weight;   // [B, n_heads, T, top_k]
  Tensor offset_mass;  // [B, n_heads, T, offsets]; 0 where no such key is seen
  Tensor window_mass;  // [B, n_heads, T, windows]
  Tensor span_mass;    // [B, n_heads, T, spans]
  Tensor target_mass;  // [B, n_heads, T, targets]
  Tensor first_mass;   // [B, n_heads, T]
  Tensor entropy;      // [B, n_heads, T]
  Tensor distance;     // [B, n_heads, T]
  Tensor column_mass;  // [B, n_heads, S]
  Tensor block_map;  // [B, n_heads, ⌈T / block⌉, ⌈S / block⌉]: sums; a query's row sums to ≤ 1
};

// Those that have a row for each query; the others sum over queries.
inline constexpr std::array<Tensor AttentionStatistics::*, 10> kStatisticsOfQueries{
    &AttentionStatistics::lse,
    &AttentionStatistics::top_key,
    &AttentionStatistics::top_weight,
    &AttentionStatistics::offset_mass,
    &AttentionStatistics::window_mass,
    &AttentionStatistics::span_mass,
    &AttentionStatistics::target_mass,
    &AttentionStatistics::first_mass,
    &AttentionStatistics::entropy,
    &AttentionStatistics::distance};
inline constexpr std::array<Tensor AttentionStatistics::*, 2> kStatisticsOverQueries{
    &AttentionStatistics::column_mass, &AttentionStatistics::block_map};

// On the device of q, in any float dtype (bf16 and f16 by tensor cores on a GPU; sums in f32). What
// our kernels do not know of a spec (full visibility, biases by distance) takes plain Torch
// operators on blocks of queries, on either device; so do scores that were changed; a temperature a
// head takes f32. Throws UsageError for shapes that do not fit together or a request out of range.
AttentionStatistics attention_statistics(const StatisticsInputs& in,
                                         const StatisticsRequest& request);

// The definition: plain loops in double, on the CPU. For tests; slow.
AttentionStatistics attention_statistics_ref(const StatisticsInputs& in,
                                             const StatisticsRequest& request);

}  // namespace headscope
