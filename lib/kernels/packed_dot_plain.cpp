#include "lib/kernels/packed_blocks.h"
#include "lib/kernels/packed_builds.h"
#include "lib/kernels/packed_lanes_plain.h"

namespace headscope::kernels {

PackedKernels packed_kernels_plain() {
  return packed_kernels<PlainLanes>();
}

}  // namespace headscope::kernels
