// Statistics of single keys (16 threads a query read q and each key once), the spans as the passes
// over tiles read them, and the choice between the two passes over tiles.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "lib/attention/statistics_rows_cuda.cuh"

namespace headscope::cuda {
namespace {

constexpr int kGroup = 16;  // threads a query

template <typename T>
struct alignas(16) Piece {
  T of[16 / sizeof(T)];
};

// One key of one query, by a group of threads.
template <typename T, bool kAligned>
__device__ float dot(const T* q, const T* k, int d, int member) {
  constexpr int kStep = kAligned ? 16 / sizeof(T) : 1;
  float sum = 0.0f;
  for (int x = member * kStep; x < d; x += kGroup * kStep) {
    if constexpr (kAligned) {
      const Piece<T> a = *reinterpret_cast<const Piece<T>*>(q + x);
      const Piece<T> b = *reinterpret_cast<const Piece<T>*>(k + x);
#pragma unroll
      for (int i = 0; i < kStep; ++i) {
        sum = fmaf(static_cast<float>(a.of[i]), static_cast<float>(b.of[i]), sum);
      }
    } else {
      sum = fmaf(static_cast<float>(q[x]), static_cast<float>(k[x]), sum);
    }
  }
  for (int offset = kGroup / 2; offset > 0; offset /= 2) {
    sum += __shfl_xor_sync(kAllLanes, sum, offset);
  }
  return sum;
}

template <typename T, bool kAligned>
__global__ void keys_kernel(const __grid_constant__ StatisticsArgs a) {
  const long long group = (blockIdx.x * static_cast<long long>(kThreads) + threadIdx.x) / kGroup;
  const long long last = a.batch * a.heads * a.queries - 1;
  const long long query = group < last ? group : last;  // whole warps go on to the shuffles
  const int member = threadIdx.x % kGroup;
  const bool writes = group <= last && member == 0;
  const long long i = query % a.queries;
  Place at;
  at.head_row = query / a.queries;
  at.b = static_cast<int>(at.head_row / a.heads);
  at.h = static_cast<int>(at.head_row % a.heads);
  const Scores scores(a, at);
  const long long self = a.keys - a.queries + i;
  const int pad = a.pads != nullptr ? static_cast<int>(a.pads[at.b]) : 0;
  const int from = sees_from(a, pad, static_cast<int>(self));
  const T* q =
      static_cast<const T*>(a.q) + at.b * a.q_at.row + i * a.q_at.column + at.h * a.q_at.head;
  const T* k =
      static_cast<const T*>(a.k) + at.b * a.k_at.row + at.h / (a.heads / a.kv_heads) * a.k_at.head;
  const float lse = a.lse[query];
  const auto store = [&](float* to, long long key) {
    const bool seen = self >= pad && key >= from && key <= self;
    const float product =
        dot<T, kAligned>(q, k + (seen ? key : 0) * a.k_at.column, static_cast<int>(a.d), member);
    if (writes) {
      *to = seen
                ? exp2_fast(scores.log2_score(product, static_cast<int>(self - key)) - kLog2E * lse)
                : 0.0f;
    }
  };
  if (a.first_mass != nullptr) {
    store(a.first_mass + query, pad);
  }
  for (long long n = 0; n < a.offsets; ++n) {
    store(a.offset_mass + query * a.offsets + n, self - a.offset[n]);
  }
  for (long long n = 0; n < a.targets; ++n) {
    store(a.target_mass + query * a.targets + n, a.target[(n * a.batch + at.b) * a.queries + i]);
  }
}

template <typename T>
int launch_keys(const StatisticsArgs& a, void* stream) {
  constexpr std::int64_t kStep = 16 / sizeof(T);
  const auto aligned = [](const void* data, const Strides& at) {
    return reinterpret_cast<std::uintptr_t>(data) % 16 == 0 && at.row % kStep == 0 &&
           at.column % kStep == 0 && at.head % kStep == 0;
  };
  const std::int64_t threads = a.batch * a.heads * a.queries * kGroup;
  const auto run = [&](auto kernel) {
    kernel<<<static_cast<unsigned>((threads + kThreads - 1) / kThreads),
             kThreads,
             0,
             static_cast<cudaStream_t>(stream)>>>(a);
  };
  if (a.d % kStep == 0 && aligned(a.q, a.q_at) && aligned(a.k, a.k_at)) {
    run(keys_kernel<T, true>);
  } else {
    run(keys_kernel<T, false>);
  }
  return cudaGetLastError();
}

__device__ bool in_span(const StatisticsArgs& a, long long n, long long b, long long key) {
  return n >= 0 && n < a.spans && key < a.keys && a.span[(n * a.batch + b) * a.keys + key];
}

// A thread a key.
__global__ void bits_kernel(const __grid_constant__ StatisticsArgs a) {
  const long long at = blockIdx.x * static_cast<long long>(kThreads) + threadIdx.x;
  if (at >= a.batch * a.padded_keys) {
    return;
  }
  unsigned bits = 0;
  for (int n = 0; n < a.spans; ++n) {
    bits |= in_span(a, n, at / a.padded_keys, at % a.padded_keys) ? 1u << n : 0u;
  }
  a.span_bits[at] = static_cast<std::uint8_t>(bits);
}

// A thread a fragment: of 16 keys and 8 columns, as mma.m16n8k16 takes its second factor. Column 0
// is 1, column 1 the key's place in its tile, column 2 + n span n.
__global__ void weights_kernel(const __grid_constant__ StatisticsArgs a) {
  const long long at = blockIdx.x * static_cast<long long>(kThreads) + threadIdx.x;
  const long long sets = a.spans > kSpansNarrow ? 2 : 1;
  const long long chunk = at / (32 * sets);
  const long long chunks = a.padded_keys / 16;
  if (chunk >= a.batch * chunks) {
    return;
  }
  const int lane = static_cast<int>(at % 32);
  const long long column = at / 32 % sets * 8 + lane / 4;
  const auto weight = [&](long long key) {
    return column == 0                                   ? 1.0f
           : column == 1                                 ? static_cast<float>(key % kTileKeys)
           : in_span(a, column - 2, chunk / chunks, key) ? 1.0f
                                                         : 0.0f;
  };
  const long long key = chunk % chunks * 16 + lane % 4 * 2;
  auto* to = static_cast<__half2*>(a.weights) + at * 2;
  to[0] = __floats2half2_rn(weight(key), weight(key + 1));
  to[1] = __floats2half2_rn(weight(key + 8), weight(key + 9));
}

}  // namespace

int prepare_spans(const StatisticsArgs& a, void* stream) {
  const auto run = [&](auto kernel, std::int64_t threads) {
    kernel<<<static_cast<unsigned>((threads + kThreads - 1) / kThreads),
             kThreads,
             0,
             static_cast<cudaStream_t>(stream)>>>(a);
  };
  if (a.spans > 0) {
    run(bits_kernel, a.batch * a.padded_keys);
  }
  run(weights_kernel, a.batch * a.padded_keys * (a.spans > kSpansNarrow ? 4 : 2));
  return cudaGetLastError();
}

int statistics_keys(const StatisticsArgs& args, Element element, void* stream) {
  switch (element) {
    case Element::f32:
      return launch_keys<float>(args, stream);
    case Element::bf16:
      return launch_keys<__nv_bfloat16>(args, stream);
    default:
      return launch_keys<__half>(args, stream);
  }
}

int statistics_lse(const StatisticsArgs& args, Element element, void* stream) {
  return hopper_takes(args, element) ? hopper_lse(args, element, stream)
                                     : plain_lse(args, element, stream);
}

int statistics(const StatisticsArgs& args, Element element, void* stream) {
  return hopper_takes(args, element) ? hopper_statistics(args, element, stream)
                                     : plain_statistics(args, element, stream);
}

}  // namespace headscope::cuda
