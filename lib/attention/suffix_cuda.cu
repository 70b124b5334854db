// A warp a query and head: it walks the keys the query sees, prefix first, with a running softmax
// in f32. Lane l holds dimensions l, l + 32, … of query and sum, so keys and values are read in
// whole lines; rows that share a prefix find it in L2.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "lib/attention/suffix_cuda.h"

namespace headscope::cuda {
namespace {

constexpr int kWarps = 8;  // a block
constexpr int kLanes = 32;

__device__ float warp_sum(float value) {
  for (int offset = kLanes / 2; offset > 0; offset /= 2) {
    value += __shfl_xor_sync(0xffffffffu, value, offset);
  }
  return value;
}

template <typename T>
const __device__ T* at(
    const void* base, const Strides& strides, long long row, long long column, long long head) {
  return static_cast<const T*>(base) + row * strides.row + column * strides.column +
         head * strides.head;
}

template <typename T, int kPerLane>
__global__ void suffix_kernel(SuffixArgs a) {
  const long long n = blockIdx.x * static_cast<long long>(kWarps) + threadIdx.x / kLanes;
  if (n >= a.rows * a.queries * a.heads) {
    return;
  }
  const int lane = threadIdx.x % kLanes;
  const long long head = n % a.heads;
  const long long query = n / a.heads % a.queries;
  const long long row = n / (a.heads * a.queries);
  const long long group = head / (a.heads / a.kv_heads);
  const long long self = a.past + a.columns - a.queries + query;
  const long long seen_from = a.window > 0 && self - a.window + 1 > 0 ? self - a.window + 1 : 0;

  float q[kPerLane];
  float sum[kPerLane] = {};
  const T* q_at = at<T>(a.q, a.q_at, row, query, head);
  for (int c = 0; c < kPerLane; ++c) {
    const int i = lane + c * kLanes;
    q[c] = i < a.d ? static_cast<float>(q_at[i]) * a.scale : 0.0f;
  }
  float largest = -INFINITY;
  float total = 0.0f;
  for (long long key = seen_from; key <= self; ++key) {
    if (key < a.pads[row] && key != self) {
      continue;
    }
    const bool kept = key < a.past;
    const T* k = kept ? at<T>(a.kept_k, a.kept_k_at, a.row[row], key, group)
                      : at<T>(a.k, a.k_at, row, key - a.past, group);
    const T* v = kept ? at<T>(a.kept_v, a.kept_v_at, a.row[row], key, group)
                      : at<T>(a.v, a.v_at, row, key - a.past, group);
    float dot = 0.0f;
    for (int c = 0; c < kPerLane; ++c) {
      const int i = lane + c * kLanes;
      dot += i < a.d ? q[c] * static_cast<float>(k[i]) : 0.0f;
    }
    float score = warp_sum(dot);
    score = a.softcap > 0.0f ? a.softcap * tanhf(score / a.softcap) : score;
    const float now = fmaxf(largest, score);
    const float shrink = expf(largest - now);
    const float weight = expf(score - now);
    total = total * shrink + weight;
    for (int c = 0; c < kPerLane; ++c) {
      const int i = lane + c * kLanes;
      sum[c] = sum[c] * shrink + (i < a.d ? weight * static_cast<float>(v[i]) : 0.0f);
    }
    largest = now;
  }
  T* z = static_cast<T*>(a.z) + n * a.d;  // n counts (row, query, head) as z lies
  for (int c = 0; c < kPerLane; ++c) {
    const int i = lane + c * kLanes;
    if (i < a.d) {
      z[i] = static_cast<T>(sum[c] / total);
    }
  }
}

template <typename T>
int launch(const SuffixArgs& args, void* stream) {
  const long long warps = args.rows * args.queries * args.heads;
  const auto blocks = static_cast<unsigned>((warps + kWarps - 1) / kWarps);
  const auto run = [&](auto kernel) {
    kernel<<<blocks, kWarps * kLanes, 0, static_cast<cudaStream_t>(stream)>>>(args);
  };
  if (warps == 0) {
    return cudaSuccess;
  }
  if (args.d <= 64) {
    run(suffix_kernel<T, 2>);
  } else if (args.d <= 128) {
    run(suffix_kernel<T, 4>);
  } else {
    run(suffix_kernel<T, 8>);
  }
  return cudaGetLastError();
}

}  // namespace

int suffix_attention(const SuffixArgs& args, int element, void* stream) {
  switch (element) {
    case 0:
      return launch<float>(args, stream);
    case 1:
      return launch<__nv_bfloat16>(args, stream);
    default:
      return launch<__half>(args, stream);
  }
}

}  // namespace headscope::cuda
