// Whether tests of the GPU can run here.
#pragma once

#include "lib/base/error.h"
#include "lib/tensor/backend.h"
#include "tests/support/catch.h"

namespace headscope::test {

inline bool have_gpu() {
  try {
    use_backend(cuda());
    return true;
  } catch (const ResourceError& error) {
    WARN("skipped: " << error.what());
    return false;
  }
}

}  // namespace headscope::test
