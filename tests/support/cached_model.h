// The real model, where `make demo` has fetched it.
#pragma once

#include <cstdlib>
#include <filesystem>

namespace headscope::test {

inline std::filesystem::path cached_model() {
  const char* xdg = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const std::filesystem::path cache =
      xdg != nullptr ? std::filesystem::path(xdg) : std::filesystem::path(home) / ".cache";
  return cache / "headscope/models/SmolLM2-135M-Instruct.Q4_1.gguf";
}

}  // namespace headscope::test
