#include "lib/kernels/packed_dot.h"

#include "lib/kernels/packed_builds.h"

namespace headscope::kernels {

Lanes widest_lanes() {
  static const Lanes widest = [] {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("f16c")) {  // scales are halves, also where lanes are wider
      return Lanes::plain;
    }
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
      return Lanes::avx512;
    }
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? Lanes::avx2
                                                                           : Lanes::plain;
  }();
  return widest;
}

PackedDotKernel packed_dot(Lanes lanes, std::string_view encoding, std::int64_t row_length) {
  PackedKernels kernels = lanes == Lanes::avx512 ? packed_kernels_avx512()
                          : lanes == Lanes::avx2 ? packed_kernels_avx2()
                                                 : packed_kernels_plain();
  for (; kernels.size > 0; ++kernels.first, --kernels.size) {
    if (kernels.first->encoding == encoding && row_length % kernels.first->block == 0) {
      return kernels.first->kernel;
    }
  }
  return nullptr;
}

}  // namespace headscope::kernels
