// Sums of a row's probabilities times a few weights a key: 1, the key's place, a bit a span; and
// sums of a column's. Two forms of one interface: by tensor cores from probabilities rounded to f16
// (after a shift that keeps small ones), and in f32.
#pragma once

#include <cuda_fp16.h>

#include "lib/attention/statistics_rows_cuda.cuh"

namespace headscope::cuda {

// d += a · b, [16, 16] · [16, 8], f16 with sums in f32.
__device__ inline void product_16x8x16(float* d, const std::uint32_t (&a)[4], uint2 b) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b.x), "r"(b.y));
}

// The weights are a matrix of 8 columns a set: 1, place in the tile, spans 0 to 5; 6 to 13. Thread
// `quad` of a row has columns 2 quad and 2 quad + 1, so that quad 0 has the row's total.
template <int kSets>
class ProductSums {
 public:
  __device__ ProductSums(const StatisticsArgs& a, const Place& at, const Thread& t)
      : weights_(static_cast<const uint2*>(a.weights) + at.b * (a.padded_keys / 16) * kSets * 32 +
                 t.lane) {}

  __device__ void begin(int) {
#pragma unroll
    for (int i = 0; i < 4 * kSets; ++i) {
      now_[i] = 0.0f;
    }
  }

  __device__ void add(const std::uint32_t (&packed)[4], long long chunk) {
#pragma unroll
    for (int set = 0; set < kSets; ++set) {
      product_16x8x16(now_ + 4 * set, packed, __ldg(weights_ + (chunk * kSets + set) * 32));
    }
  }

  // `past`: the first key's distance from each row. In the place of Σ p · place, quad 0 keeps the
  // sum of distances.
  __device__ void end(const int (&past)[2], const Thread& t) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const float far = static_cast<float>(past[half]) * now_[2 * half] - now_[2 * half + 1];
      now_[2 * half + 1] = t.quad == 0 ? far : now_[2 * half + 1];
    }
#pragma unroll
    for (int i = 0; i < 4 * kSets; ++i) {
      sum_[i] += now_[i];
    }
  }

  // Of this tile, in lane 0.
  [[nodiscard]] __device__ float warp_total(const Thread&) const {
    float sum = now_[0] + now_[2];
    for (int lanes = 4; lanes < 32; lanes *= 2) {
      sum += __shfl_xor_sync(kAllLanes, sum, lanes);
    }
    return sum;
  }
  [[nodiscard]] __device__ float share(const Thread& t, int half) const {
    return t.quad == 0 ? sum_[2 * half] : 0.0f;
  }
  [[nodiscard]] __device__ float distance_share(const Thread& t, int half) const {
    return t.quad == 0 ? sum_[2 * half + 1] : 0.0f;
  }

  // All of a warp call it; `to` is null where the row does not exist.
  __device__ void store_spans(float* to, int spans, const Thread& t, int half, float unit) const {
#pragma unroll
    for (int set = 0; set < kSets; ++set) {
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const int n = 8 * set + 2 * t.quad + e - 2;
        if (to != nullptr && n >= 0 && n < spans) {
          to[n] = sum_[4 * set + 2 * half + e] * unit;
        }
      }
    }
  }

 private:
  const uint2* weights_;
  float now_[4 * kSets], sum_[4 * kSets] = {};
};

class PlainSums {
 public:
  __device__ PlainSums(const StatisticsArgs& a, const Place& at, const Thread&)
      : bits_(a.span_bits != nullptr ? a.span_bits + at.b * a.padded_keys : nullptr) {}

  __device__ void begin(int) { now_[0] = now_[1] = 0.0f; }

  __device__ void add(float p, int half, int key, int distance) {
    now_[half] += p;
    far_[half] += p * static_cast<float>(distance);
    if (bits_ != nullptr && p > 0.0f) {
      const unsigned bits = bits_[key];
#pragma unroll
      for (int n = 0; n < 8; ++n) {
        span_[half][n] += (bits >> n & 1u) != 0 ? p : 0.0f;
      }
    }
  }

  __device__ void end(const int (&)[2], const Thread&) {
    sum_[0] += now_[0];
    sum_[1] += now_[1];
  }

  [[nodiscard]] __device__ float warp_total(const Thread&) const {
    return warp_sum_of(now_[0] + now_[1]);
  }
  [[nodiscard]] __device__ float share(const Thread&, int half) const {
    return sum_[half];
  }
  [[nodiscard]] __device__ float distance_share(const Thread&, int half) const {
    return far_[half];
  }

  // All of a warp call it; `to` is null where the row does not exist.
  __device__ void store_spans(float* to, int spans, const Thread& t, int half, float unit) const {
#pragma unroll
    for (int n = 0; n < 8; ++n) {
      const float sum = quad_sum(span_[half][n]);
      if (to != nullptr && n < spans && t.quad == 0) {
        to[n] = sum * unit;
      }
    }
  }

 private:
  const std::uint8_t* bits_;
  float now_[2], sum_[2] = {}, far_[2] = {}, span_[2][8] = {};
};

}  // namespace headscope::cuda
