// Hopper's asynchronous matrix product, and the copies that feed it. Used inside kernels that are
// compiled for sm_90a; for other architectures the bodies are empty and nothing launches them.
#pragma once

#include <cstdint>

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define HEADSCOPE_HOPPER 1
#endif

namespace headscope::cuda {

__device__ inline std::uint32_t shared_address(const void* pointer) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

// 16 bytes from global to shared memory, or zeros.
__device__ inline void copy_16(std::uint32_t to, const void* from, bool valid) {
#ifdef HEADSCOPE_HOPPER
  asm volatile(
      "cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(valid ? 16 : 0)
      : "memory");
#endif
}

__device__ inline void copies_end_group() {
#ifdef HEADSCOPE_HOPPER
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits for the copies of this thread and shows them to the tensor cores.
__device__ inline void copies_wait() {
#ifdef HEADSCOPE_HOPPER
  asm volatile("cp.async.wait_group 0;\n\tfence.proxy.async.shared::cta;" ::: "memory");
#endif
}

// Names a matrix of 64 columns of 16 bits, rows of 128 bytes whose 16-byte pieces are permuted by
// row mod 8 ("128-byte swizzle"), groups of 8 rows 1,024 bytes apart. `address` is in units of 16
// bytes: sums of addresses are sums of names.
__device__ inline std::uint64_t matrix_at(std::uint32_t address) {
  constexpr std::uint64_t kShape =
      (std::uint64_t{1} << 16) | (std::uint64_t{1024 >> 4} << 32) | (std::uint64_t{1} << 62);
  return kShape | address;
}

__device__ inline void product_begin() {
#ifdef HEADSCOPE_HOPPER
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#endif
}

__device__ inline void product_end() {
#ifdef HEADSCOPE_HOPPER
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#endif
}

// Nothing reads acc before this.
__device__ inline void products_wait(float (&acc)[64]) {
#ifdef HEADSCOPE_HOPPER
  asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
#endif
#pragma unroll
  for (int i = 0; i < 64; ++i) {
    asm volatile("" : "+f"(acc[i])::"memory");
  }
}

template <typename T>
constexpr bool kIsHalf = false;
template <>
constexpr bool kIsHalf<__half> = true;

// acc (+)= a · bᵀ for a [64, 16], b [128, 16], both in shared memory. A warp group calls it
// together; element (row, column) lies as the m16n8 accumulators of mma.sync do, 16 rows a warp.
template <typename T>
__device__ inline void product_64x128x16(float (&acc)[64],
                                         std::uint64_t a,
                                         std::uint64_t b,
                                         int accumulate) {
#ifdef HEADSCOPE_HOPPER
#define HEADSCOPE_PRODUCT(TYPE)                                                          \
  asm volatile(                                                                          \
      "{\n"                                                                              \
      ".reg .pred p;\n"                                                                  \
      "setp.ne.b32 p, %66, 0;\n"                                                         \
      "wgmma.mma_async.sync.aligned.m64n128k16.f32." TYPE "." TYPE                       \
      " {"                                                                               \
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "           \
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, " \
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"   \
      "}, %64, %65, p, 1, 1, 0, 0;\n"                                                    \
      "}\n"                                                                              \
      : "+f"(acc[0]),                                                                    \
        "+f"(acc[1]),                                                                    \
        "+f"(acc[2]),                                                                    \
        "+f"(acc[3]),                                                                    \
        "+f"(acc[4]),                                                                    \
        "+f"(acc[5]),                                                                    \
        "+f"(acc[6]),                                                                    \
        "+f"(acc[7]),                                                                    \
        "+f"(acc[8]),                                                                    \
        "+f"(acc[9]),                                                                    \
        "+f"(acc[10]),                                                                   \
        "+f"(acc[11]),                                                                   \
        "+f"(acc[12]),                                                                   \
        "+f"(acc[13]),                                                                   \
        "+f"(acc[14]),                                                                   \
        "+f"(acc[15]),                                                                   \
        "+f"(acc[16]),                                                                   \
        "+f"(acc[17]),                                                                   \
        "+f"(acc[18]),                                                                   \
        "+f"(acc[19]),                                                                   \
        "+f"(acc[20]),                                                                   \
        "+f"(acc[21]),                                                                   \
        "+f"(acc[22]),                                                                   \
        "+f"(acc[23]),                                                                   \
        "+f"(acc[24]),                                                                   \
        "+f"(acc[25]),                                                                   \
        "+f"(acc[26]),                                                                   \
        "+f"(acc[27]),                                                                   \
        "+f"(acc[28]),                                                                   \
        "+f"(acc[29]),                                                                   \
        "+f"(acc[30]),                                                                   \
        "+f"(acc[31]),                                                                   \
        "+f"(acc[32]),                                                                   \
        "+f"(acc[33]),                                                                   \
        "+f"(acc[34]),                                                                   \
        "+f"(acc[35]),                                                                   \
        "+f"(acc[36]),                                                                   \
        "+f"(acc[37]),                                                                   \
        "+f"(acc[38]),                                                                   \
        "+f"(acc[39]),                                                                   \
        "+f"(acc[40]),                                                                   \
        "+f"(acc[41]),                                                                   \
        "+f"(acc[42]),                                                                   \
        "+f"(acc[43]),                                                                   \
        "+f"(acc[44]),                                                                   \
        "+f"(acc[45]),                                                                   \
        "+f"(acc[46]),                                                                   \
        "+f"(acc[47]),                                                                   \
        "+f"(acc[48]),                                                                   \
        "+f"(acc[49]),                                                                   \
        "+f"(acc[50]),                                                                   \
        "+f"(acc[51]),                                                                   \
        "+f"(acc[52]),                                                                   \
        "+f"(acc[53]),                                                                   \
        "+f"(acc[54]),                                                                   \
        "+f"(acc[55]),                                                                   \
        "+f"(acc[56]),                                                                   \
        "+f"(acc[57]),                                                                   \
        "+f"(acc[58]),                                                                   \
        "+f"(acc[59]),                                                                   \
        "+f"(acc[60]),                                                                   \
        "+f"(acc[61]),                                                                   \
        "+f"(acc[62]),                                                                   \
        "+f"(acc[63])                                                                    \
      : "l"(a), "l"(b), "r"(accumulate))
  if constexpr (kIsHalf<T>) {
    HEADSCOPE_PRODUCT("f16");
  } else {
    HEADSCOPE_PRODUCT("bf16");
  }
#undef HEADSCOPE_PRODUCT
#endif
}

}  // namespace headscope::cuda
