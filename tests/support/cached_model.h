// The real model, where `make demo` has fetched it.
#pragma once

#include <cstdlib>
#include <filesystem>

#include "tests/support/skip.h"

namespace headscope::test {

// Where the default model's file lies, or would lie.
inline std::filesystem::path cached_model_path() {
  const char* xdg = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const std::filesystem::path cache =
      xdg != nullptr && *xdg != '\0'
          ? std::filesystem::path(xdg)
          : std::filesystem::path(home == nullptr ? "/" : home) / ".cache";
  return cache / "headscope/models/SmolLM2-135M-Instruct.Q4_1.gguf";
}

// The same; where there is no such file, the running test case is skipped.
inline std::filesystem::path cached_model() {
  const std::filesystem::path file = cached_model_path();
  if (!std::filesystem::exists(file)) {
    skip("the default model is not in the cache; `make demo` fetches it");
  }
  return file;
}

}  // namespace headscope::test
