// Tiles of scores by Hopper's tensor cores: two warp groups of 64 queries each, a tile of keys
// computed while the next one is copied. Two blocks share a multiprocessor, so that one multiplies
// while the other reduces.
#include "lib/attention/hopper_product_cuda.cuh"
#include "lib/attention/statistics_lse_cuda.cuh"
#include "lib/attention/statistics_reduce_cuda.cuh"

namespace headscope::cuda {
namespace {

constexpr int kPanelBytes = 128 * 128;  // 128 rows of 64 elements

// Copies tiles of 128 rows of kDims elements (those past d are 0; rows past the last too), in
// panels of 64 columns as matrix_at() wants them.
template <typename T, int kDims>
class TileCopier {
 public:
  __device__ TileCopier(const T* from, long long stride, long long rows, long long d)
      : rows_(static_cast<int>(rows)), inside_(piece() * 8 < d) {
    step_ = stride * kRows * sizeof(T);
    from_ = reinterpret_cast<const char*>(from + row() * stride + (inside_ ? piece() * 8 : 0));
  }

  __device__ void copy(std::uint32_t to, int row0) const {
    to += piece() / 8 * kPanelBytes + row() * 128 + ((piece() % 8) ^ (row() % 8)) * 16;
    const char* source = from_ + row0 / kRows * step_;
    if (row0 + kTileRows <= rows_) {
#pragma unroll
      for (int i = 0; i < kTileRows / kRows; ++i, source += step_) {
        copy_16(to + i * kRows * 128, source, inside_);
      }
    } else {
      for (int i = 0; i < kTileRows / kRows; ++i, source += step_) {
        const bool valid = row0 + row() + i * kRows < rows_;
        copy_16(to + i * kRows * 128, valid ? source : from_, valid && inside_);
      }
    }
  }

 private:
  static constexpr int kPieces = kDims / 8;         // of 16 bytes, a row
  static constexpr int kRows = kThreads / kPieces;  // at a time
  static __device__ int piece() {
    return threadIdx.x % kPieces;
  }
  static __device__ int row() {
    return threadIdx.x / kPieces;
  }

  const char* from_;
  long long step_;
  int rows_;
  bool inside_;
};

// q: the warp group's rows; addresses as of matrix_at().
template <typename T, int kDims>
__device__ void start_products(float (&acc)[kTileElements], std::uint32_t q, std::uint32_t k) {
  product_begin();
#pragma unroll
  for (int i = 0; i < kDims / 16; ++i) {
    const std::uint32_t at = (i / 4 * kPanelBytes + i % 4 * 32) / 16;
    product_64x128x16<T>(acc, matrix_at(q + at), matrix_at(k + at), i > 0);
  }
  product_end();
}

template <typename T, int kDims, typename Reducer>
__global__ void __launch_bounds__(kThreads, kDims <= 128 ? 2 : 1)
    hopper_kernel(const __grid_constant__ StatisticsArgs a) {
#ifdef HEADSCOPE_HOPPER
  extern __shared__ __align__(1024) unsigned char shared[];
  constexpr int kTileBytes = kDims / 64 * kPanelBytes;
  const std::uint32_t q_tile = shared_address(shared);
  const std::uint32_t k_tiles = q_tile + kTileBytes;
  auto& own = *reinterpret_cast<typename Reducer::Shared*>(shared + 3 * kTileBytes);

  const Place at = place_of(a);
  const T* q = static_cast<const T*>(a.q) + at.b * a.q_at.row + at.h * a.q_at.head;
  const T* k =
      static_cast<const T*>(a.k) + at.b * a.k_at.row + at.h / (a.heads / a.kv_heads) * a.k_at.head;
  TileCopier<T, kDims>(q, a.q_at.column, a.queries, a.d).copy(q_tile, at.row0);
  const TileCopier<T, kDims> keys(k, a.k_at.column, a.keys, a.d);
  const auto copy_keys = [&](int tile) {
    keys.copy(k_tiles + tile % 2 * kTileBytes, tile * kTileKeys);
    copies_end_group();
  };
  copy_keys(at.last_tile);
  Reducer reducer(a, at, own);
  float acc[kTileElements];
  for (int tile = at.last_tile; tile >= at.first_tile; --tile) {
    copies_wait();
    __syncthreads();
    if (tile > at.first_tile) {
      copy_keys(tile - 1);
    }
    const std::uint32_t q_rows =
        q_tile / 16 + __shfl_sync(kAllLanes, threadIdx.x / 128, 0) * (64 * 128 / 16);
    start_products<T, kDims>(acc, q_rows, (k_tiles + tile % 2 * kTileBytes) / 16);
    if (tile < at.last_tile) {
      reducer.left(tile + 1);
    }
    products_wait(acc);
    reducer.tile(acc, tile);
  }
  __syncthreads();
  if (at.first_tile <= at.last_tile) {
    reducer.left(at.first_tile);
  }
  reducer.finish();
#endif
}

template <typename T, int kDims, typename Reducer>
int launch(const StatisticsArgs& args, void* stream) {
  constexpr int kMostBytes = 3 * kDims / 64 * kPanelBytes + sizeof(typename Reducer::Shared);
  const int bytes = kMostBytes - Reducer::unused_bytes(args);
  const auto kernel = hopper_kernel<T, kDims, Reducer>;
  if (const cudaError_t error =
          cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kMostBytes)) {
    return error;
  }
  const std::int64_t blocks = (args.queries + kTileRows - 1) / kTileRows * args.batch * args.heads;
  kernel<<<static_cast<unsigned>(blocks), kThreads, bytes, static_cast<cudaStream_t>(stream)>>>(
      args);
  return cudaGetLastError();
}

template <typename Reducer>
int launch(const StatisticsArgs& args, Element element, void* stream) {
  const bool half = element == Element::f16;
  if (args.d <= 64) {
    return half ? launch<__half, 64, Reducer>(args, stream)
                : launch<__nv_bfloat16, 64, Reducer>(args, stream);
  }
  if (args.d <= 128) {
    return half ? launch<__half, 128, Reducer>(args, stream)
                : launch<__nv_bfloat16, 128, Reducer>(args, stream);
  }
  return half ? launch<__half, 256, Reducer>(args, stream)
              : launch<__nv_bfloat16, 256, Reducer>(args, stream);
}

}  // namespace

bool hopper_takes(const StatisticsArgs& args, Element element) {
  int device = 0;
  int major = 0;
  if (element == Element::f32 || args.d % 8 != 0 || args.d > 256 ||
      cudaGetDevice(&device) != cudaSuccess ||
      cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) != cudaSuccess) {
    return false;
  }
  const auto aligned = [](const void* data, const Strides& at) {
    return reinterpret_cast<std::uintptr_t>(data) % 16 == 0 && at.row % 8 == 0 &&
           at.column % 8 == 0 && at.head % 8 == 0;
  };
  return major == 9 && aligned(args.q, args.q_at) && aligned(args.k, args.k_at);
}

int hopper_lse(const StatisticsArgs& args, Element element, void* stream) {
  return launch<LogSumExp>(args, element, stream);
}

int hopper_statistics(const StatisticsArgs& args, Element element, void* stream) {
  return args.spans > kSpansNarrow ? launch<Statistics<2>>(args, element, stream)
                                   : launch<Statistics<1>>(args, element, stream);
}

}  // namespace headscope::cuda
