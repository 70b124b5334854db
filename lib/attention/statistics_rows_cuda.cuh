// Where a block of threads works, and how a product of a query and a key becomes a score.
//
// A block takes 128 queries of one head and walks tiles of 128 keys, from the last that its queries
// see down to the first: recent keys and then the sinks, so that thresholds of top_k rise early.
// Every tile lies in registers as the tensor cores leave it: a warp has 16 rows, a thread element
// 4 n + 2 half + e is row lane / 4 + 8 half, key 8 n + 2 (lane mod 4) + e.
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

#include "lib/attention/statistics_cuda.h"

namespace headscope::cuda {

constexpr int kThreads = 256;
constexpr int kTileElements = 64;  // a thread
constexpr float kLog2E = 1.44269504088896341f;
constexpr float kLn2 = 0.693147180559945309f;
constexpr float kNever = -1e30f;  // a score whose exp is 0 and times 0 is 0
constexpr unsigned kAllLanes = 0xffffffffu;

struct Place {
  long long head_row;  // b · H + h
  int b, h, row0, self0, pad, first_tile, last_tile;
};

__device__ inline int sees_from(const StatisticsArgs& a, int pad, int self) {
  const long long from = a.window > 0 ? self - a.window + 1 : 0;
  return from > pad ? static_cast<int>(from) : pad;
}

// Long rows first within a head; the heads of one group of KV heads run side by side.
__device__ inline Place place_of(const StatisticsArgs& a) {
  const int tiles = static_cast<int>((a.queries + kTileRows - 1) / kTileRows);
  Place p;
  p.head_row = blockIdx.x / tiles;
  p.b = static_cast<int>(p.head_row / a.heads);
  p.h = static_cast<int>(p.head_row % a.heads);
  p.row0 = (tiles - 1 - static_cast<int>(blockIdx.x % tiles)) * kTileRows;
  p.self0 = static_cast<int>(a.keys - a.queries) + p.row0;
  p.pad = a.pads != nullptr ? static_cast<int>(a.pads[p.b]) : 0;
  const int rows = min(kTileRows, static_cast<int>(a.queries) - p.row0);
  p.last_tile = (p.self0 + rows - 1) / kTileKeys;
  p.first_tile = sees_from(a, p.pad, p.self0) / kTileKeys;
  return p;
}

struct Thread {
  int warp, lane, quad;  // quad: lane mod 4
  int row[2], self[2];   // in the block; its column
  bool exists[2], real[2];

  __device__ Thread(const StatisticsArgs& a, const Place& at)
      : warp(threadIdx.x / 32), lane(threadIdx.x % 32), quad(threadIdx.x % 4) {
    for (int half = 0; half < 2; ++half) {
      row[half] = warp * 16 + lane / 4 + 8 * half;
      self[half] = at.self0 + row[half];
      exists[half] = at.row0 + row[half] < a.queries;
      real[half] = exists[half] && self[half] >= at.pad;
    }
  }

  [[nodiscard]] __device__ long long query(const StatisticsArgs& a,
                                           const Place& at,
                                           int half) const {
    return at.head_row * a.queries + at.row0 + row[half];
  }
};

__device__ inline float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

__device__ inline float quad_sum(float value) {
  value += __shfl_xor_sync(kAllLanes, value, 1);
  return value + __shfl_xor_sync(kAllLanes, value, 2);
}

__device__ inline float warp_sum_of(float value) {
  for (int offset = 16; offset > 0; offset /= 2) {
    value += __shfl_xor_sync(kAllLanes, value, offset);
  }
  return value;
}

// Key 8 n + 2 quad + e of a tile.
__device__ inline int key_of(int n, int quad, int e) {
  return n * 8 + quad * 2 + e;
}

// The tiles, from and to, of which every real row sees every key and whose scores are plain
// multiples of products.
__device__ inline void plain_tiles(const StatisticsArgs& a, const Place& at, int (&tiles)[2]) {
  const int hidden = sees_from(a, at.pad, at.self0 + kTileRows - 1);
  tiles[0] = (hidden + kTileKeys - 1) / kTileKeys;
  tiles[1] = a.softcap <= 0.0f && a.alibi == nullptr ? (at.self0 + 1) / kTileKeys - 1 : -1;
}

// Without branches: its error is that of f32 near 1, which a score takes well.
__device__ inline float tanh_of(float x) {
  return 1.0f - __fdividef(2.0f, 1.0f + exp2_fast(2.0f * kLog2E * x));
}

struct Scores {
  float scale, cap, per_cap, slope;

  __device__ Scores(const StatisticsArgs& a, const Place& at)
      : scale(a.scale),
        cap(a.softcap),
        per_cap(a.softcap > 0.0f ? 1.0f / a.softcap : 0.0f),
        slope(a.alibi != nullptr ? a.alibi[at.h] : 0.0f) {}

  // In units of ln 2.
  [[nodiscard]] __device__ float log2_score(float product, int distance) const {
    float s = product * scale;
    s = cap > 0.0f ? cap * tanh_of(s * per_cap) : s;
    return (s - slope * static_cast<float>(distance)) * kLog2E;
  }
};

// In place: product → score / ln 2, `hidden` where the query does not see the key. Short loops, one
// for each thing a model may have, so that they take few registers.
__device__ inline void score_tile(float (&acc)[kTileElements],
                                  const StatisticsArgs& a,
                                  const Place& at,
                                  const Thread& t,
                                  int key0,
                                  float hidden) {
  const float factor = a.softcap > 0.0f ? a.scale / a.softcap : a.scale * kLog2E;
#pragma unroll
  for (int i = 0; i < kTileElements; ++i) {
    acc[i] *= factor;
  }
  if (a.softcap > 0.0f) {
    const float cap = a.softcap * kLog2E;
#pragma unroll
    for (int i = 0; i < kTileElements; ++i) {
      acc[i] = cap * tanh_of(acc[i]);
    }
  }
  const int keys = key0 + 2 * t.quad;  // of the thread's first key
  if (a.alibi != nullptr) {
    const float slope = a.alibi[at.h] * kLog2E;
#pragma unroll
    for (int i = 0; i < kTileElements; ++i) {
      acc[i] -= slope * static_cast<float>(t.self[i / 2 % 2] - keys - key_of(i / 4, 0, i % 2));
    }
  }
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int last = t.self[half] - keys;
    const int first = sees_from(a, at.pad, t.self[half]) - keys;
#pragma unroll
    for (int i = 0; i < kTileElements / 2; ++i) {
      const int key = key_of(i / 2, 0, i % 2);
      float& score = acc[i / 2 * 4 + half * 2 + i % 2];
      score = key <= last && key >= first ? score : hidden;
    }
  }
}

}  // namespace headscope::cuda
