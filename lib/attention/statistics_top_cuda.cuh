// The strongest keys of each row. A row's list lies in shared memory; a thread tests its elements
// against the weakest of the list, in 16 keys at a time, and only where one of the warp is stronger
// are the 16 keys of its 16 rows written down and merged.
#pragma once

#include "lib/attention/statistics_rows_cuda.cuh"

namespace headscope::cuda {

constexpr int kTopSlots = 8;
constexpr int kChunk = 16;                           // keys
constexpr int kChunks = kTileKeys / kChunk;          // a tile
constexpr int kChunkElements = kTileElements / kChunks;  // a thread

struct TopShared {
  float chunk[kThreads / 32][16][kChunk];
  int lists[2 * kTileRows * kTopSlots];  // the last member: only as long as there are keys to keep
};

class TopKeys {
 public:
  __device__ TopKeys(TopShared& shared, int count, int warp, int lane)
      : s_(shared), count_(count), warp_(warp), lane_(lane) {
    for (int i = lane; i < 16 * count; i += 32) {
      values(warp * 16)[i] = 0.0f;
      keys(warp * 16)[i] = -1;
    }
    __syncwarp();
  }

  // The weakest kept of the thread's row.
  [[nodiscard]] __device__ float weakest(int half) const {
    return values(warp_ * 16 + lane_ / 4 + 8 * half)[count_ - 1];
  }

  // Of a row, strongest first.
  [[nodiscard]] __device__ float* values(int row) const {
    return reinterpret_cast<float*>(s_.lists) + row * count_;
  }
  [[nodiscard]] __device__ int* keys(int row) const {
    return s_.lists + (kTileRows + row) * count_;
  }

  // p: of a tile. Bit c of `found`: chunk c holds something for a row of this thread.
  __device__ void merge(const float (&p)[kTileElements], unsigned found, int key0) {
    found = __reduce_or_sync(kAllLanes, found);
    while (found != 0) {
      const int c = __ffs(found) - 1;
      found &= found - 1;
      write_chunk(p, c);
      __syncwarp();
      merge_chunk(key0 + c * kChunk);
      __syncwarp();
    }
  }

 private:
  __device__ void write_chunk(const float (&p)[kTileElements], int c) {
    float* to = &s_.chunk[warp_][lane_ / 4][lane_ % 4 * 2];
#pragma unroll
    for (int n = 0; n < kChunks; ++n) {  // registers have no run-time index
      if (n == c) {
#pragma unroll
        for (int i = 0; i < kChunkElements; i += 2) {
          float* at = to + (i / 2 % 2) * 8 * kChunk + i / 4 * 8;
          *reinterpret_cast<float2*>(at) =
              make_float2(p[n * kChunkElements + i], p[n * kChunkElements + i + 1]);
        }
      }
    }
  }

  // Two lanes a row, one after the other.
  __device__ void merge_chunk(int key0) {
    const int row = warp_ * 16 + lane_ / 2;
    const float4* from = reinterpret_cast<const float4*>(&s_.chunk[warp_][lane_ / 2][lane_ % 2 * 8]);
    const float4 x = from[0];
    const float4 y = from[1];
    const float largest = fmaxf(fmaxf(fmaxf(x.x, x.y), fmaxf(x.z, x.w)),
                                fmaxf(fmaxf(y.x, y.y), fmaxf(y.z, y.w)));
#pragma unroll 1
    for (int turn = 0; turn < 2; ++turn) {
      if (lane_ % 2 == turn && largest > values(row)[count_ - 1]) {
#pragma unroll 1
        for (int i = 0; i < 8; ++i) {
          insert(row, s_.chunk[warp_][lane_ / 2][turn * 8 + i], key0 + turn * 8 + i);
        }
      }
      __syncwarp();
    }
  }

  __device__ void insert(int row, float value, int key) {
    float* values_of = values(row);
    int* keys_of = keys(row);
    int n = count_ - 1;
    if (value <= values_of[n]) {
      return;
    }
    for (; n > 0 && values_of[n - 1] < value; --n) {
      values_of[n] = values_of[n - 1];
      keys_of[n] = keys_of[n - 1];
    }
    values_of[n] = value;
    keys_of[n] = key;
  }

  TopShared& s_;
  const int count_, warp_, lane_;
};

}  // namespace headscope::cuda
