// Tiles of scores by plain f32 arithmetic, for every dtype, head size and GPU: exact to the
// rounding of f32, and the form that no tensor core takes. Dimensions pass through shared memory 16
// at a time; a thread has 2 queries × 32 keys.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "lib/attention/statistics_lse_cuda.cuh"
#include "lib/attention/statistics_reduce_cuda.cuh"

namespace headscope::cuda {
namespace {

constexpr int kSlice = 16;
constexpr int kPitch = kSlice + 4;  // keeps rows in different banks

struct Slices {
  float q[kTileRows][kPitch];
  float k[kTileKeys][kPitch];
};

template <typename T>
__device__ void copy_slice(float (*to)[kPitch],
                           const T* from,
                           long long stride,
                           int row0,
                           long long limit,
                           int first,
                           long long d) {
  const int row = threadIdx.x / 2;
  const int column = threadIdx.x % 2 * (kSlice / 2);
  const bool inside = row0 + row < limit;
#pragma unroll
  for (int i = 0; i < kSlice / 2; ++i) {
    const int x = first + column + i;
    to[row][column + i] =
        inside && x < d ? static_cast<float>(from[(row0 + row) * stride + x]) : 0.0f;
  }
}

__device__ float dot4(const float4& x, const float4& y, float sum) {
  return fmaf(x.w, y.w, fmaf(x.z, y.z, fmaf(x.y, y.y, fmaf(x.x, y.x, sum))));
}

__device__ void add_products(float (&acc)[kTileElements], const Slices& s) {
  const int row = threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4;
  const auto four = [](const float* at) { return *reinterpret_cast<const float4*>(at); };
  for (int x = 0; x < kSlice; x += 4) {
    const float4 q[2] = {four(&s.q[row][x]), four(&s.q[row + 8][x])};
#pragma unroll
    for (int i = 0; i < kTileElements / 2; ++i) {
      const float4 k = four(&s.k[key_of(i / 2, threadIdx.x % 4, i % 2)][x]);
      float& upper = acc[i / 2 * 4 + i % 2];
      float& lower = acc[i / 2 * 4 + 2 + i % 2];
      upper = dot4(q[0], k, upper);
      lower = dot4(q[1], k, lower);
    }
  }
}

template <typename T, typename Reducer>
__global__ void __launch_bounds__(kThreads) plain_kernel(const __grid_constant__ StatisticsArgs a) {
  __shared__ Slices slices;
  __shared__ __align__(16) typename Reducer::Shared own;
  const Place at = place_of(a);
  const T* q = static_cast<const T*>(a.q) + at.b * a.q_at.row + at.h * a.q_at.head;
  const T* k =
      static_cast<const T*>(a.k) + at.b * a.k_at.row + at.h / (a.heads / a.kv_heads) * a.k_at.head;
  Reducer reducer(a, at, own);
  for (int tile = at.last_tile; tile >= at.first_tile; --tile) {
    float acc[kTileElements] = {};
    for (int first = 0; first < a.d; first += kSlice) {
      __syncthreads();
      copy_slice(slices.q, q, a.q_at.column, at.row0, a.queries, first, a.d);
      copy_slice(slices.k, k, a.k_at.column, tile * kTileKeys, a.keys, first, a.d);
      __syncthreads();
      add_products(acc, slices);
    }
    reducer.tile(acc, tile);
  }
  reducer.finish();
}

template <typename Reducer>
int launch(const StatisticsArgs& args, Element element, void* stream) {
  const std::int64_t blocks = (args.queries + kTileRows - 1) / kTileRows * args.batch * args.heads;
  const auto run = [&](auto kernel) {
    kernel<<<static_cast<unsigned>(blocks), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(args);
    return static_cast<int>(cudaGetLastError());
  };
  switch (element) {
    case Element::f32:
      return run(plain_kernel<float, Reducer>);
    case Element::bf16:
      return run(plain_kernel<__nv_bfloat16, Reducer>);
    default:
      return run(plain_kernel<__half, Reducer>);
  }
}

}  // namespace

int plain_lse(const StatisticsArgs& args, Element element, void* stream) {
  return launch<LogSumExp>(args, element, stream);
}

int plain_statistics(const StatisticsArgs& args, Element element, void* stream) {
  return launch<Statistics<0>>(args, element, stream);
}

}  // namespace headscope::cuda
