#include "lib/kernels/packed_blocks.h"
#include "lib/kernels/packed_builds.h"
#include "lib/kernels/packed_lanes_avx512.h"

namespace headscope::kernels {

PackedKernels packed_kernels_avx512() {
  return packed_kernels<Avx512Lanes>();
}

}  // namespace headscope::kernels
