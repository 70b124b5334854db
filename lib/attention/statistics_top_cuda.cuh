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
  [[nodiscard]] __device__ int* keys(int row) const {
    return s_.room + (kTileRows + row) * count_;
  }

  // p: of a tile. Bit c of `found`: chunk c may hold something for a row of this thread. Returns
  // whether the weakest may have changed. A second look may find what the first put into the list, so
  // it leaves nothing waiting.
  __device__ bool look_at(const float (&p)[kTileElements], unsigned found, int key0) {
    bool changed = false;
    for (bool again = false;; again = true) {
      const int most = __reduce_max_sync(kAllLanes, put_down(p, found, key0));
      if (most > count_ || again) {
        merge(again);
        changed = true;
      }
      if (most <= 2 * count_) {
        return changed;
      }
    }
  }

  // All lanes of a warp call it. `again`: candidates may be in the list already.
  __device__ void merge(bool again) {
    __syncwarp();
    if (lane_ < 16) {
      const int row = warp_ * 16 + lane_;
      const int waiting = min(s_.waiting[row], 2 * count_);
      for (int i = 0; i < waiting; ++i) {
        const int2 candidate = *candidate_at(row, i);
        insert(row, __int_as_float(candidate.x), candidate.y, again);
      }
      s_.waiting[row] = 0;
    }
    __syncwarp();
  }

 private:
  [[nodiscard]] __device__ int row_of(int half) const {
    return warp_ * 16 + lane_ / 4 + 8 * half;
  }
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

  __device__ void insert(int row, float value, int key, bool again) {
    float* values_of = values(row);
    int* keys_of = keys(row);
    int n = count_ - 1;
    if (value <= values_of[n]) {
      return;
    }
    for (int i = 0; again && i < count_; ++i) {
      if (keys_of[i] == key) {
        return;
      }
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
