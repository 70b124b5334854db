// A picture as a user asks for it: its format, and how values become colours.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/render/heat_map.h"
#include "cli/render/small_multiples.h"

namespace headscope {

struct PictureOptions {
  std::string format;                        // "png", "svg" or "pdf"
  ValueScale scale = ValueScale::linear;     // how values are spread over the colours
  std::optional<double> max = std::nullopt;  // the value of the last colour; by default the largest
};

bool is_picture_format(std::string_view format);

// The file's bytes. Under `max` the colours run from 0 to it, those of diverging maps from −max.
// Errors as to_svg(); InternalError for another format.
std::string picture(HeatMap map, const PictureOptions& options);
std::string picture(SmallMultiples page, const PictureOptions& options);

}  // namespace headscope
