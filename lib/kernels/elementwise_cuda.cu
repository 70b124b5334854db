// Memory-bound kernels: each reads its input once and writes its output once; all arithmetic is
// f32.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "lib/kernels/elementwise_cuda.h"

namespace headscope::cuda {
namespace {

constexpr int kThreads = 256;

template <typename T>
__device__ float load(const T* p, long long i) {
  return static_cast<float>(p[i]);
}
template <typename T>
__device__ void store(T* p, long long i, float value) {
  p[i] = static_cast<T>(value);
}

__device__ float block_sum(float value) {
  __shared__ float warps[kThreads / 32];
  for (int offset = 16; offset > 0; offset /= 2) {
    value += __shfl_xor_sync(0xffffffffu, value, offset);
  }
  if (threadIdx.x % 32 == 0) {
    warps[threadIdx.x / 32] = value;
  }
  __syncthreads();
  float sum = 0;
  for (const float part : warps) {
    sum += part;
  }
  return sum;
}

// One block a row; the row is read twice, the second time from L1.
template <typename T>
__global__ void rms_norm_kernel(RmsNormArgs a) {
  const T* x = static_cast<const T*>(a.x) + blockIdx.x * a.d;
  T* y = static_cast<T*>(a.y) + blockIdx.x * a.d;
  float squares = 0;
  for (long long i = threadIdx.x; i < a.d; i += kThreads) {
    const float value = load(x, i);
    squares += value * value;
  }
  const float scale = 1.0f / sqrtf(block_sum(squares) / static_cast<float>(a.d) + a.eps);
  for (long long i = threadIdx.x; i < a.d; i += kThreads) {
    store(y, i, load(x, i) * scale * a.gain[i]);
  }
}

// One thread an output element.
template <typename T>
__global__ void rotate_kernel(RotateArgs a) {
  const long long n = blockIdx.x * static_cast<long long>(kThreads) + threadIdx.x;
  if (n >= a.batch * a.tokens * a.heads * a.d) {
    return;
  }
  const long long i = n % a.d;
  const long long head = n / a.d % a.heads;
  const long long token = n / (a.d * a.heads) % a.tokens;
  const long long row = n / (a.d * a.heads * a.tokens);
  const T* x =
      static_cast<const T*>(a.x) + row * a.stride_b + token * a.stride_t + head * a.stride_h;
  float value = load(x, i);
  if (i < 2 * a.half) {
    const long long pair = i % a.half;
    const long long angle = row * a.angle_stride_b + token * a.half + pair;
    const float other = load(x, i < a.half ? i + a.half : i - a.half);
    const float turned = i < a.half ? -other : other;
    value = value * a.cos[angle] + turned * a.sin[angle];
  }
  store(static_cast<T*>(a.y), n, value);
}

__device__ float activate(float x, Activation activation) {
  switch (activation) {
    case Activation::gelu:
      return 0.5f * x * (1.0f + erff(x * 0.70710678118654752f));
    case Activation::gelu_tanh:
      return 0.5f * x * (1.0f + tanhf(0.79788456080286536f * (x + 0.044715f * x * x * x)));
    case Activation::silu:
      return x / (1.0f + expf(-x));
    default:
      return fmaxf(x, 0.0f);
  }
}

template <typename T>
__global__ void gated_kernel(GatedArgs a) {
  const long long n = blockIdx.x * static_cast<long long>(kThreads) + threadIdx.x;
  if (n >= a.rows * a.d) {
    return;
  }
  const T* row = static_cast<const T*>(a.gate_up) + n / a.d * 2 * a.d;
  const long long i = n % a.d;
  store(static_cast<T*>(a.y), n, activate(load(row, i), a.activation) * load(row, i + a.d));
}

// One thread an element: a warp writes six runs of 64 bytes. 4 bytes in, 12 out.
__global__ void split_kernel(SplitArgs a) {
  const long long n = blockIdx.x * static_cast<long long>(kThreads) + threadIdx.x;
  if (n >= a.rows * a.k) {
    return;
  }
  const float x = a.x[n];
  const __nv_bfloat16 first = __float2bfloat16_rn(x);
  const float rest = x - __bfloat162float(first);
  const __nv_bfloat16 second = __float2bfloat16_rn(rest);
  const __nv_bfloat16 third = __float2bfloat16_rn(rest - __bfloat162float(second));
  __nv_bfloat16* y = static_cast<__nv_bfloat16*>(a.y) + n / a.k * 6 * a.k + n % a.k;
  const bool left = a.side == 0;
  y[0] = left ? third : first;
  y[a.k] = left ? first : third;
  y[2 * a.k] = second;
  y[3 * a.k] = left ? second : first;
  y[4 * a.k] = left ? first : second;
  y[5 * a.k] = first;
}

unsigned blocks_for(long long elements) {
  return static_cast<unsigned>((elements + kThreads - 1) / kThreads);
}

// Runs launch(T{}) for the element type; nothing to do is no launch.
template <typename Launch>
int dispatch(Element element, long long elements, const Launch& launch) {
  if (elements == 0) {
    return cudaSuccess;
  }
  switch (element) {
    case Element::f32:
      launch(float{});
      break;
    case Element::bf16:
      launch(__nv_bfloat16{});
      break;
    case Element::f16:
      launch(__half{});
      break;
  }
  return cudaGetLastError();
}

}  // namespace

int rms_norm(const RmsNormArgs& args, Element element, void* stream) {
  return dispatch(element, args.rows * args.d, [&](auto type) {
    rms_norm_kernel<decltype(type)>
        <<<static_cast<unsigned>(args.rows), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
            args);
  });
}

int rotate(const RotateArgs& args, Element element, void* stream) {
  const long long elements = args.batch * args.tokens * args.heads * args.d;
  return dispatch(element, elements, [&](auto type) {
    rotate_kernel<decltype(type)>
        <<<blocks_for(elements), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(args);
  });
}

int gated_activation(const GatedArgs& args, Element element, void* stream) {
  const long long elements = args.rows * args.d;
  return dispatch(element, elements, [&](auto type) {
    gated_kernel<decltype(type)>
        <<<blocks_for(elements), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(args);
  });
}

int split_terms(const SplitArgs& args, void* stream) {
  const long long elements = args.rows * args.k;
  if (elements > 0) {
    split_kernel<<<blocks_for(elements), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(args);
  }
  return cudaGetLastError();
}

}  // namespace headscope::cuda
