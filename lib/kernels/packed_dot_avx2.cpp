#include "lib/kernels/packed_blocks.h"
#include "lib/kernels/packed_builds.h"
#include "lib/kernels/packed_lanes_avx2.h"

namespace headscope::kernels {

PackedKernels packed_kernels_avx2() {
  return packed_kernels<Avx2Lanes>();
}

}  // namespace headscope::kernels
