// Sums over the rows of a block, of every key of a tile, added to global memory.
#pragma once

#include <cuda_fp16.h>

#include "lib/attention/statistics_rows_cuda.cuh"

namespace headscope::cuda {

// Of two values a lane, the sums over a pair of lanes: of y where `bit` is set in the lane, of x
// elsewhere.
__device__ inline std::uint32_t fold(std::uint32_t x, std::uint32_t y, bool upper, int bit) {
  const std::uint32_t sent = __shfl_xor_sync(kAllLanes, upper ? x : y, bit);
  const std::uint32_t kept = upper ? y : x;
  const __half2 sum =
      __hadd2(reinterpret_cast<const __half2&>(kept), reinterpret_cast<const __half2&>(sent));
  return reinterpret_cast<const std::uint32_t&>(sum);
}

// Sums pairs of keys over the 8 rows of a warp's lanes: 8 pairs a half tile go in, two at a time,
// and each lane ends with one of them. A binary tree, so that few wait in registers.
class ColumnTree {
 public:
  // x, y: keys 16 c + 2 quad + {0, 1} and 8 further, of the thread's two rows.
  __device__ void add(int c, int lane, std::uint32_t x, std::uint32_t y) {
    const std::uint32_t pair = fold(x, y, (lane & 16) != 0, 16);
    if (c % 2 == 0) {
      one_ = pair;
      return;
    }
    const std::uint32_t four = fold(one_, pair, (lane & 8) != 0, 8);
    if (c % 4 == 1) {
      two_ = four;
      return;
    }
    half_[c / 4] = fold(two_, four, (lane & 4) != 0, 4);
  }

  // The pair of keys, counted in pairs, whose sum half(i) is.
  static __device__ int pair_of(int i, int lane) {
    const int n = 8 * i + (lane & 4) + (lane & 8) / 4 + (lane & 16) / 16;
    return n * 4 + lane % 4;
  }
  [[nodiscard]] __device__ std::uint32_t half(int i) const { return half_[i]; }

 private:
  std::uint32_t one_, two_, half_[2];
};

__device__ inline void add_pair(float* to, float x, float y) {
#if __CUDA_ARCH__ >= 900
  asm volatile("red.global.add.v2.f32 [%0], {%1, %2};" ::"l"(to), "f"(x), "f"(y) : "memory");
#else
  atomicAdd(to, x);
  atomicAdd(to + 1, y);
#endif
}

struct ColumnShared {
  // Two f16 sums over the rows of each warp; tiles take turns.
  std::uint32_t sum[2][kThreads / 32][kTileKeys / 2];
};

__device__ inline void keep_columns(const ColumnTree& tree,
                                    ColumnShared& s,
                                    const Thread& t,
                                    int tile) {
  for (int i = 0; i < 2; ++i) {
    s.sum[tile % 2][t.warp][ColumnTree::pair_of(i, t.lane)] = tree.half(i);
  }
}

// After a barrier: a tile's columns over the whole block, 16 keys by each warp. `to`: of the tile's
// first key, aligned to 8 bytes.
__device__ inline void add_kept_columns(
    float* to, const ColumnShared& s, const Thread& t, int tile, float unit) {
  const int pair = t.warp * 8 + t.lane % 8;
  const auto half2_of = [](const std::uint32_t& bits) {
    return reinterpret_cast<const __half2&>(bits);
  };
  __half2 both = __hadd2(half2_of(s.sum[tile % 2][t.lane / 8][pair]),
                         half2_of(s.sum[tile % 2][t.lane / 8 + 4][pair]));
  both = __hadd2(both, __shfl_xor_sync(kAllLanes, both, 8));
  both = __hadd2(both, __shfl_xor_sync(kAllLanes, both, 16));
  const float2 sum = __half22float2(both);
  if (t.lane < 8) {
    add_pair(to + pair * 2, sum.x * unit, sum.y * unit);
  }
}

__device__ inline void add_columns_exactly(const float (&p)[kTileElements], float* to, int lane) {
#pragma unroll
  for (int i = 0; i < kTileElements / 2; ++i) {
    float sum = p[i / 2 * 4 + i % 2] + p[i / 2 * 4 + 2 + i % 2];
    sum += __shfl_xor_sync(kAllLanes, sum, 4);
    sum += __shfl_xor_sync(kAllLanes, sum, 8);
    sum += __shfl_xor_sync(kAllLanes, sum, 16);
    if (lane < 4) {
      atomicAdd(to + key_of(i / 2, lane, i % 2), sum);
    }
  }
}

}  // namespace headscope::cuda
