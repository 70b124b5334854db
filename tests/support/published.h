// Files that papers published, where they lie beside the checkout.
#pragma once

#include <filesystem>
#include <string>

#include "tests/support/skip.h"

namespace headscope::test {

// The path of shared/reference/NAME; where it is not, the running test case is skipped.
inline std::filesystem::path published(const std::string& name) {
  for (const char* root : {"/../shared/reference/", "/../../shared/reference/"}) {
    const std::filesystem::path path = std::string(HEADSCOPE_SOURCE_DIR) + root + name;
    if (std::filesystem::exists(path)) {
      return path;
    }
  }
  skip("the published files of shared/reference are not beside the checkout");
}

}  // namespace headscope::test
