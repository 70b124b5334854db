// The strongest keys of each row. A row has a list and twice as much room for candidates in shared
// memory. Threads put down what is stronger than the weakest of the list; now and then a lane a row
// merges them. Where the room runs out (in the first tiles) the same tile is looked at again.
#pragma once

#include "lib/attention/statistics_rows_cuda.cuh"

namespace headscope::cuda {

constexpr int kTopSlots = 8;
constexpr int kChunk = 16;                               // keys
constexpr int kChunks = kTileKeys / kChunk;              // a tile
constexpr int kChunkElements = kTileElements / kChunks;  // a thread

struct TopShared {
  int waiting[kTileRows];
  // Values, then keys, of lists and of candidates. The last member: only as long as is needed.
  int room[6 * kTileRows * kTopSlots];
};

class TopKeys {
 public:
  __device__ TopKeys(TopShared& shared, int count, int warp, int lane)
      : s_(shared), count_(count), warp_(warp), lane_(lane) {
    for (int i = lane; i < 16 * count; i += 32) {
      values(warp * 16)[i] = 0.0f;
      keys(warp * 16)[i] = -1;
    }
    if (lane < 16) {
      s_.waiting[warp * 16 + lane] = 0;
    }
    __syncwarp();
  }

  // The weakest kept of the thread's row.
  [[nodiscard]] __device__ float weakest(int half) const {
    return values(row_of(half))[count_ - 1];
  }

  // Of a row, strongest first.
  [[nodiscard]] __device__ float* values(int row) const {
    return reinterpret_cast<float*>(s_.room) + row * count_;
  }
  [[nodiscard]] __device__ int* keys(int row) const { return s_.room + (kTileRows + row) * count_; }

  // p: of a tile. Bit c of `found`: chunk c may hold something for a row of this thread. Returns
  // whether the weakest may have changed.
  __device__ bool look_at(const float (&p)[kTileElements], unsigned found, int key0) {
    for (bool changed = false;; changed = true) {
      const int most = __reduce_max_sync(kAllLanes, put_down(p, found, key0));
      if (most <= count_) {
        return changed;
      }
      merge();
      if (most <= 2 * count_) {
        return true;
      }
    }
  }

  // All lanes of a warp call it.
  __device__ void merge() {
    __syncwarp();
    if (lane_ < 16) {
      const int row = warp_ * 16 + lane_;
      if (count_ <= 4) {
        merge_row<4>(row);
      } else {
        merge_row<kTopSlots>(row);
      }
      s_.waiting[row] = 0;
    }
    __syncwarp();
  }

 private:
  [[nodiscard]] __device__ int row_of(int half) const { return warp_ * 16 + lane_ / 4 + 8 * half; }
  [[nodiscard]] __device__ int2* candidate_at(int row, int i) const {
    return reinterpret_cast<int2*>(s_.room + 2 * kTileRows * count_) + row * 2 * count_ + i;
  }

  // Returns how many wait in a row of this thread, or would if there were room.
  __device__ int put_down(const float (&p)[kTileElements], unsigned found, int key0) {
    int most = 0;
    const float weak[2] = {weakest(0), weakest(1)};
#pragma unroll
    for (int c = 0; c < kChunks; ++c) {
      if ((found >> c & 1u) != 0) {
#pragma unroll
        for (int i = 0; i < kChunkElements; ++i) {
          const int half = i / 2 % 2;
          if (p[c * kChunkElements + i] > weak[half]) {
            const int key = key0 + c * kChunk + key_of(i / 4, lane_ % 4, i % 2);
            const int n = atomicAdd(&s_.waiting[row_of(half)], 1);
            if (n < 2 * count_) {
              *candidate_at(row_of(half), n) =
                  make_int2(__float_as_int(p[c * kChunkElements + i]), key);
            }
            most = max(most, n + 1);
          }
        }
      }
    }
    return most;
  }

  // The list in registers, every candidate passed down it. One that a look before has put there
  // stops at itself.
  template <int kSlots>
  __device__ void merge_row(int row) {
    float value[kSlots];
    int key[kSlots];
#pragma unroll
    for (int n = 0; n < kSlots; ++n) {
      value[n] = n < count_ ? values(row)[n] : INFINITY;
      key[n] = n < count_ ? keys(row)[n] : -1;
    }
    const int waiting = min(s_.waiting[row], 2 * count_);
#pragma unroll 1
    for (int i = 0; i < waiting; ++i) {
      const int2 candidate = *candidate_at(row, i);
      float down = __int_as_float(candidate.x);
      int down_key = candidate.y;
#pragma unroll
      for (int n = 0; n < kSlots; ++n) {
        const bool above = down > value[n];
        down = key[n] == down_key ? 0.0f : down;
        const float stays = above ? down : value[n];
        const int stays_key = above ? down_key : key[n];
        down = above ? value[n] : down;
        down_key = above ? key[n] : down_key;
        value[n] = stays;
        key[n] = stays_key;
      }
    }
#pragma unroll
    for (int n = 0; n < kSlots; ++n) {
      if (n < count_) {
        values(row)[n] = value[n];
        keys(row)[n] = key[n];
      }
    }
  }

  TopShared& s_;
  const int count_, warp_, lane_;
};

}  // namespace headscope::cuda
