// One list of kernels a width of vectors: the same blocks (packed_blocks.h), compiled three times.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/kernels/packed_dot.h"

namespace headscope::kernels {

struct PackedKernel {
  std::string_view encoding;
  std::int64_t block;  // a row is a whole number of them
  PackedDotKernel kernel;
};
struct PackedKernels {
  const PackedKernel* first;
  std::size_t size;
};

PackedKernels packed_kernels_plain();
PackedKernels packed_kernels_avx2();
PackedKernels packed_kernels_avx512();

}  // namespace headscope::kernels
