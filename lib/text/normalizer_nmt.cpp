// SentencePiece's rule "nmt": control characters vanish, other odd ones become spaces.
#include "lib/base/json.h"
#include "lib/text/map_characters.h"
#include "lib/text/normalizer_steps.h"

namespace headscope {
namespace {

bool vanishes(char32_t c) {
  return (c >= 0x1 && c <= 0x8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F ||
         c == 0x9F;
}

bool becomes_space(char32_t c) {
  return c == 0x9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 ||
         (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF ||
         c == 0xFFFD;
}

}  // namespace

NormalizerStep nmt_normalizer(const Json&, const std::string&) {
  return [](const std::string& text) {
    return map_characters(text, [](char32_t c, std::string_view as_given, std::string& out) {
      out += vanishes(c) ? "" : becomes_space(c) ? " " : as_given;
    });
  };
}

}  // namespace headscope
