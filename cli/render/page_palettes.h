// Colour maps for a page's script.
#pragma once

#include <string>

#include "cli/render/color.h"

namespace headscope {

// The 256 colours, three bytes each, in base64.
std::string palette_text(ColorMap map);

}  // namespace headscope
