// The second pass: from a tile of products to probabilities, and from them to every statistic that
// is a sum over keys or a choice of keys.
//
// In a plain tile a probability costs one multiplication and addition, one exp2, one more of each
// for the entropy, half a conversion to f16, a quarter of an addition for its column, a comparison
// with the row's weakest kept key (half), and 1/8 of a tensor-core instruction for all weighted
// sums.
#pragma once

#include <type_traits>

#include "lib/attention/statistics_columns_cuda.cuh"
#include "lib/attention/statistics_sums_cuda.cuh"
#include "lib/attention/statistics_top_cuda.cuh"

namespace headscope::cuda {

__device__ inline std::uint32_t bits_of(const __half2& h) {
  return reinterpret_cast<const std::uint32_t&>(h);
}

// Form: kSets of ProductSums, or 0: PlainSums and everything in f32.
template <int kSets>
class Statistics {
 public:
  struct Shared {
    ColumnShared columns;
    TopShared top;
  };
  // At the end of Shared: two blocks fit a multiprocessor with lists of up to 4 keys.
  static int unused_bytes(const StatisticsArgs& a) {
    return static_cast<int>(kTopSlots - a.top_k) * 6 * kTileRows * static_cast<int>(sizeof(int));
  }
  static constexpr bool kExact = kSets == 0;
  // Probabilities are kept times 2^kShift: f16 has normal numbers down to p = 2^-19. Smaller than
  // 2^-29 counts as 0 in the sums and is not ranked.
  static constexpr int kShift = kExact ? 0 : 5;
  static constexpr float kUnit = kExact ? 1.0f : 1.0f / 32;

  __device__ Statistics(const StatisticsArgs& a, const Place& at, Shared& shared)
      : a_(a),
        at_(at),
        t_(a, at),
        top_(shared.top, static_cast<int>(a.top_k), t_.warp, t_.lane),
        shared_(shared),
        sums_(a, at, t_) {
    for (int half = 0; half < 2; ++half) {
      start_[half] = t_.real[half]
                         ? static_cast<float>(kShift) - kLog2E * a.lse[t_.query(a, at, half)]
                         : kNever;
    }
    plain_tiles(a, at, plain_);
    read_weakest();
  }

  __device__ void tile(float (&acc)[kTileElements], int tile) {
    const int key0 = tile * kTileKeys;
    float factor = a_.scale * kLog2E;
    if (tile < plain_[0] || tile > plain_[1]) {
      score_tile(acc, a_, at_, t_, key0, kNever);
      factor = 1.0f;
    }
    ColumnTree columns;
    sums_.begin(tile);
    const unsigned found = probabilities(acc, columns, tile, factor);
    if (a_.column_mass != nullptr) {
      if constexpr (kExact) {
        add_columns_exactly(acc, columns_of(tile), t_.lane);
      } else {
        keep_columns(columns, shared_.columns, t_, tile);
      }
    }
#pragma unroll 1
    for (int n = 0; n < a_.windows; ++n) {
      window(acc, key0, n);
    }
    const int past[2] = {t_.self[0] - key0, t_.self[1] - key0};
    sums_.end(past, t_);
    if (a_.block > 0) {
      blocks(acc, tile);
    }
    if (a_.top_k > 0 && __any_sync(kAllLanes, found != 0) && top_.look_at(acc, found, key0)) {
      read_weakest();
    }
  }

  // Called by all threads of a block together, once all of them have left tile `tile`.
  __device__ void left(int tile) {
    if constexpr (!kExact) {
      if (a_.column_mass != nullptr) {
        add_kept_columns(columns_of(tile), shared_.columns, t_, tile, kUnit);
      }
    }
  }

  __device__ void finish() {
    for (int half = 0; half < 2; ++half) {
      const long long query = t_.query(a_, at_, half);
      const float total = quad_sum(sums_.share(t_, half)) * kUnit;
      const float weighted = quad_sum(entropy_[half]) * kUnit;
      const float distance = quad_sum(sums_.distance_share(t_, half)) * kUnit;
      const bool writes = t_.exists[half] && t_.quad == 0;
      if (writes && a_.entropy != nullptr) {
        a_.entropy[query] = -kLn2 * (weighted - kShift * total);
      }
      if (writes && a_.distance != nullptr) {
        a_.distance[query] = distance;
      }
      for (int n = 0; writes && n < a_.windows; ++n) {
        if (t_.self[half] + 1 - a_.window_of[n] < at_.first_tile * kTileKeys) {
          a_.window_mass[query * a_.windows + n] = total;
        }
      }
      if (a_.spans > 0) {
        float* to = t_.exists[half] ? a_.span_mass + query * a_.spans : nullptr;
        sums_.store_spans(to, static_cast<int>(a_.spans), t_, half, kUnit);
      }
    }
    store_top();
  }

 private:
  // In place: acc · factor + start → p. Returns where something may belong to the strongest.
  __device__ unsigned probabilities(float (&acc)[kTileElements],
                                    ColumnTree& columns,
                                    int tile,
                                    float factor) {
    unsigned found = 0;
#pragma unroll
    for (int c = 0; c < kChunks; ++c) {
      float* p = acc + c * kChunkElements;
#pragma unroll
      for (int i = 0; i < kChunkElements; ++i) {
        const int half = i / 2 % 2;
        const float x = fmaf(p[i], factor, start_[half]);
        p[i] = exp2_fast(x);
        entropy_[half] = fmaf(p[i], x, entropy_[half]);
      }
      if constexpr (kExact) {
        found |= add_exactly(p, tile * kTileKeys + c * kChunk, c);
      } else {
        found |= add_rounded(p, columns, tile, c);
      }
    }
    return found;
  }

  __device__ unsigned add_rounded(const float* p, ColumnTree& columns, int tile, int c) {
    __half2 h[4];
    std::uint32_t packed[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      h[i] = __floats2half2_rn(p[2 * i], p[2 * i + 1]);
      packed[i] = bits_of(h[i]);
    }
    sums_.add(packed, static_cast<long long>(tile) * kChunks + c);
    const __half2 both[2] = {__hadd2(h[0], h[1]), __hadd2(h[2], h[3])};
    columns.add(c, t_.lane, bits_of(both[0]), bits_of(both[1]));
    const unsigned above = __hge2_mask(__hmax2(h[0], h[2]), weakest16_[0]) |
                           __hge2_mask(__hmax2(h[1], h[3]), weakest16_[1]);
    return (above | above >> 16) & (1u << c);
  }

  __device__ unsigned add_exactly(const float* p, int key0, int c) {
    bool above = false;
#pragma unroll
    for (int i = 0; i < kChunkElements; ++i) {
      const int half = i / 2 % 2;
      const int key = key0 + key_of(i / 4, t_.quad, i % 2);
      sums_.add(p[i], half, key, t_.self[half] - key);
      above |= p[i] > weakest_[half];
    }
    return above ? 1u << c : 0u;
  }

  [[nodiscard]] __device__ float* columns_of(int tile) const {
    return a_.column_mass + at_.head_row * a_.padded_keys + tile * kTileKeys;
  }

  // Where a row's window begins in this tile: what lies behind it and its part of the tile.
  __device__ void window(const float (&p)[kTileElements], int key0, int n) {
    const int width = __ldg(a_.window_of + n);
    const int from[2] = {t_.self[0] + 1 - width, t_.self[1] + 1 - width};
    const int first = from[0] - t_.lane / 4;  // of the warp's 16 rows
    if (first + 15 < key0 || first >= key0 + kTileKeys) {
      return;
    }
    const bool here[2] = {from[0] >= key0 && from[0] < key0 + kTileKeys,
                          from[1] >= key0 && from[1] < key0 + kTileKeys};
    float part[2] = {sums_.share(t_, 0), sums_.share(t_, 1)};
#pragma unroll
    for (int i = 0; i < kTileElements; ++i) {
      const int half = i / 2 % 2;
      part[half] += key0 + key_of(i / 4, t_.quad, i % 2) >= from[half] ? p[i] : 0.0f;
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const float mass = quad_sum(part[half]) * kUnit;
      if (here[half] && t_.exists[half] && t_.quad == 0) {
        a_.window_mass[t_.query(a_, at_, half) * a_.windows + n] = mass;
      }
    }
  }

  __device__ void blocks(const float (&p)[kTileElements], int tile) {
    float* map = a_.block_map + at_.head_row * a_.blocks_down * a_.blocks_across;
    if (a_.tiles_a_block > 0) {
      const float sum = sums_.warp_total(t_);
      if (t_.lane == 0) {
        const int rows = at_.row0 / kTileRows;
        const bool single = a_.tiles_a_block == 1;
        const int down = single ? rows : rows / a_.tiles_a_block;
        const int across = single ? tile : tile / a_.tiles_a_block;
        atomicAdd(map + down * a_.blocks_across + across, sum * kUnit);
      }
      return;
    }
    const int key0 = tile * kTileKeys;
    const int last = min(key0 + kTileKeys, static_cast<int>(a_.keys)) - 1;
#pragma unroll 1
    for (long long block = key0 / a_.block; block <= last / a_.block; ++block) {
      small_block(p, key0, static_cast<int>(block * a_.block), map + block, a_.blocks_across);
    }
  }

  // A block's keys within the tile; the rows of a warp may belong to several.
  __device__ void small_block(
      const float (&p)[kTileElements], int key0, int from, float* map, long long across) {
    float part[2] = {};
    const int to = from + static_cast<int>(a_.block);
#pragma unroll
    for (int i = 0; i < kTileElements; ++i) {
      const int j = key0 + key_of(i / 4, t_.quad, i % 2);
      part[i / 2 % 2] += j >= from && j < to ? p[i] : 0.0f;
    }
    const int first = at_.row0 + t_.warp * 16;
    if (first / a_.block == (first + 15) / a_.block) {
      const float sum = warp_sum_of(part[0] + part[1]);
      if (t_.lane == 0 && first < a_.queries) {
        atomicAdd(map + first / a_.block * across, sum * kUnit);
      }
      return;
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const float sum = quad_sum(part[half]);
      if (t_.quad == 0 && t_.exists[half]) {
        atomicAdd(map + (at_.row0 + t_.row[half]) / a_.block * across, sum * kUnit);
      }
    }
  }

  __device__ void read_weakest() {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      weakest_[half] = a_.top_k > 0 ? top_.weakest(half) : INFINITY;
      // Rounding keeps order; what rounds to 0 is never looked at.
      weakest16_[half] = __float2half2_rn(fmaxf(weakest_[half], 0x1p-24f));
    }
  }

  __device__ void store_top() {
    const int k = static_cast<int>(a_.top_k);
    if (k > 0) {
      top_.merge();
    }
    for (int i = t_.lane; i < 16 * k; i += 32) {
      const int row = t_.warp * 16 + i / k;
      if (at_.row0 + row < a_.queries) {
        const long long to = (at_.head_row * a_.queries + at_.row0 + row) * k + i % k;
        a_.top_weight[to] = top_.values(row)[i % k] * kUnit;
        a_.top_key[to] = top_.keys(row)[i % k];
      }
    }
  }

  const StatisticsArgs& a_;
  const Place at_;
  const Thread t_;
  TopKeys top_;
  Shared& shared_;
  std::conditional_t<kExact, PlainSums, ProductSums<kExact ? 1 : kSets>> sums_;
  int plain_[2];
  float start_[2], weakest_[2], entropy_[2] = {};
  __half2 weakest16_[2];
};

}  // namespace headscope::cuda
