#include "cli/render/page_palettes.h"

#include "cli/render/text_codes.h"

namespace headscope {

std::string palette_text(ColorMap map) {
  std::string bytes;
  for (const Rgb& color : palette(map)) {
    bytes += static_cast<char>(color.r);
    bytes += static_cast<char>(color.g);
    bytes += static_cast<char>(color.b);
  }
  return base64(bytes);
}

}  // namespace headscope
