// A PNG read back by stb_image, an implementation that is not ours.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/render/color.h"

namespace headscope {

struct DecodedPng {
  int width = 0;
  int height = 0;
  std::vector<Rgb> pixels;
  [[nodiscard]] Rgb at(int x, int y) const {
    return pixels.at(static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + x);
  }
};

DecodedPng decode_png(const std::string& bytes);  // throws InternalError if it is no PNG

}  // namespace headscope
