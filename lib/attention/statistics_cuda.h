// What the GPU's form of statistics.h offers its ATen side: plain pointers, no Torch.
//
// statistics_hopper_cuda.cu and statistics_plain_cuda.cu walk the tiles of scores; they share
// everything after the scores (statistics_*_cuda.cuh). statistics_cuda.cu does what concerns single
// keys of a row.
#pragma once

#include <cstdint>

#include "lib/attention/suffix_cuda.h"
#include "lib/kernels/element_cuda.h"

namespace headscope::cuda {

// Pointers to what was not given or not asked for are null.
struct StatisticsArgs {
  const void *q, *k;  // [B, T, H, d], [B, S, Kv, d], last axis dense
  Strides q_at, k_at;
  std::int64_t batch, queries, keys, heads, kv_heads, d, window;
  float scale, softcap;
  const std::int64_t* pads;    // [B]
  const float *alibi, *sinks;  // [H]

  float* lse;  // [B, H, T]; read by statistics(), written by statistics_lse()

  std::int64_t offsets, windows, spans, targets, top_k, block;
  const std::int64_t* offset;     // [offsets]
  const std::int32_t* window_of;  // [windows], none wider than there are keys
  const std::int64_t* target;     // [targets, B, T]
  const bool* span;               // [spans, B, S]
  // Of prepare_spans(): what a tile's probabilities are multiplied by on the tensor cores, and a
  // bit a span of every key.
  void* weights;            // [B, padded_keys / 16, 1 or 2, 32] of 8 bytes
  std::uint8_t* span_bits;  // [B, padded_keys]
  std::int64_t padded_keys;

  std::int64_t* top_key;  // [B, H, T, top_k]
  float* top_weight;
  float *offset_mass, *window_mass, *span_mass, *target_mass;  // [B, H, T, n]
  float *first_mass, *entropy, *distance;                      // [B, H, T]
  float *column_mass, *block_map;                              // added to
  int blocks_down, blocks_across;
  int tiles_a_block;  // 0: blocks are no multiple of a tile
};

constexpr int kTileRows = 128;
constexpr int kTileKeys = 128;
constexpr int kSpansNarrow = 6;  // more take a second product a tile

// Each launches on `stream` (a cudaStream_t) and returns a cudaError_t.
int prepare_spans(const StatisticsArgs& args, void* stream);
int statistics_lse(const StatisticsArgs& args, Element element, void* stream);
int statistics(const StatisticsArgs& args, Element element, void* stream);       // sums over keys
int statistics_keys(const StatisticsArgs& args, Element element, void* stream);  // single keys

// The same tiles by Hopper's tensor cores: bf16 and f16, rows of q and k aligned to 16 bytes.
bool hopper_takes(const StatisticsArgs& args, Element element);
int hopper_lse(const StatisticsArgs& args, Element element, void* stream);
int hopper_statistics(const StatisticsArgs& args, Element element, void* stream);

// … and by plain f32 arithmetic: any dtype, any d.
int plain_lse(const StatisticsArgs& args, Element element, void* stream);
int plain_statistics(const StatisticsArgs& args, Element element, void* stream);

}  // namespace headscope::cuda
