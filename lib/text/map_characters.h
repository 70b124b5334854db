// A text made of another, character by character.
#pragma once

#include <string>
#include <string_view>

#include "lib/text/unicode.h"

namespace headscope {

// Calls `write(code point, its UTF-8, out)` for every character of valid UTF-8 `text`.
template <typename Write>
std::string map_characters(std::string_view text, const Write& write) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    write(point.value, text.substr(at, point.length), out);
    at += point.length;
  }
  return out;
}

}  // namespace headscope
