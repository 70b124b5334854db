// The first pass: the logarithm of each row's sum of exp(score), with a running largest score.
#pragma once

#include "lib/attention/statistics_rows_cuda.cuh"

namespace headscope::cuda {

class LogSumExp {
 public:
  struct Shared {};
  static int unused_bytes(const StatisticsArgs&) { return 0; }

  __device__ LogSumExp(const StatisticsArgs& a, const Place& at, Shared&)
      : a_(a), at_(at), t_(a, at) {
    plain_tiles(a, at, plain_);
  }

  __device__ void tile(float (&acc)[kTileElements], int tile) {
    if (tile >= plain_[0] && tile <= plain_[1]) {
      add(acc, a_.scale * kLog2E);
    } else {
      score_tile(acc, a_, at_, t_, tile * kTileKeys, -INFINITY);
      add(acc, 1.0f);
    }
  }

  __device__ void left(int) {}

  __device__ void finish() {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float all = fmaxf(largest_[half], __shfl_xor_sync(kAllLanes, largest_[half], 1));
      all = fmaxf(all, __shfl_xor_sync(kAllLanes, all, 2));
      float sum = quad_sum(sum_[half] * exp2_fast(largest_[half] - all));
      if (a_.sinks != nullptr) {
        const float sink = a_.sinks[at_.h] * kLog2E;
        const float now = fmaxf(all, sink);
        sum = sum * exp2_fast(all - now) + exp2_fast(sink - now);
        all = now;
      }
      if (t_.exists[half] && t_.quad == 0) {
        a_.lse[t_.query(a_, at_, half)] = t_.real[half] ? kLn2 * (all + log2f(sum)) : 0.0f;
      }
    }
  }

 private:
  // acc · factor are scores / ln 2.
  __device__ void add(const float (&acc)[kTileElements], float factor) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float now = kNever;
#pragma unroll
      for (int i = 0; i < kTileElements / 2; ++i) {
        now = fmaxf(now, acc[i / 2 * 4 + half * 2 + i % 2] * factor);
      }
      now = fmaxf(now, largest_[half]);
      float sum = sum_[half] * exp2_fast(largest_[half] - now);
#pragma unroll
      for (int i = 0; i < kTileElements / 2; ++i) {
        sum += exp2_fast(fmaf(acc[i / 2 * 4 + half * 2 + i % 2], factor, -now));
      }
      sum_[half] = sum;
      largest_[half] = now;
    }
  }

  const StatisticsArgs& a_;
  const Place at_;
  const Thread t_;
  int plain_[2];
  float largest_[2] = {kNever, kNever};
  float sum_[2] = {};
};

}  // namespace headscope::cuda
