#include "lib/weights/printable.h"

#include <fmt/format.h>

namespace headscope {

std::string printable(std::string_view name) {
  constexpr std::size_t kLongest = 80;
  std::string text = "'";
  for (const char c : name.substr(0, kLongest)) {
    if (c >= ' ' && c <= '~') {
      text += c;
    } else {
      text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return text + (name.size() > kLongest ? "…'" : "'");
}

}  // namespace headscope
