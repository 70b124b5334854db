// Sizes as people write them.
#pragma once

#include <string>

#include <fmt/format.h>

namespace headscope {

// [1, 15, 9, 64]
template <typename Sizes>
std::string shape_text(const Sizes& shape) {
  std::string text = "[";
  for (const auto& size : shape) {
    text += (text.size() > 1 ? ", " : "") + fmt::format("{}", size);
  }
  return text + "]";
}

}  // namespace headscope
