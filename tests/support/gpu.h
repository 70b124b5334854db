// A GPU and our kernels for it, where there are both.
#pragma once

#include "lib/base/error.h"
#include "lib/tensor/backend.h"
#include "tests/support/skip.h"

namespace headscope::test {

// Makes the GPU usable; where there is none, the running test case is skipped.
inline void need_gpu() {
  try {
    use_backend(cuda());
  } catch (const ResourceError& error) {
    skip(error.what());
  }
}

}  // namespace headscope::test
