// The character map of a SentencePiece model as Hugging Face's `Precompiled` applies it.
#include <utf8proc.h>

#include "lib/base/json.h"
#include "lib/text/base64.h"
#include "lib/text/character_map.h"
#include "lib/text/json_fields.h"
#include "lib/text/normalizer_steps.h"
#include "lib/text/unicode.h"
#include "lib/text/unicode_16.h"

namespace headscope {
namespace {

// A character as utf8proc knows it: what extends a grapheme since later is an acute accent to it.
utf8proc_int32_t known_to_utf8proc(char32_t value) {
  return extends_grapheme_since_unicode_16(value) ? 0x301 : static_cast<utf8proc_int32_t>(value);
}

// The end of the user-perceived character (UAX 29) that begins at `begin`.
std::size_t grapheme_end(std::string_view text, std::size_t begin) {
  CodePoint point = code_point_at(text, begin);
  utf8proc_int32_t state = 0;
  std::size_t end = begin + point.length;
  while (end < text.size()) {
    const CodePoint next = code_point_at(text, end);
    if (utf8proc_grapheme_break_stateful(
            known_to_utf8proc(point.value), known_to_utf8proc(next.value), &state)) {
      break;
    }
    end += next.length;
    point = next;
  }
  return end;
}

// Short graphemes are looked up whole, then every character by itself.
std::string map_graphemes(const CharacterMap& map, std::string_view text) {
  constexpr std::size_t kLookedUpBelow = 6;  // bytes
  std::string out;
  out.reserve(text.size());
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = grapheme_end(text, begin);
    const std::string_view grapheme = text.substr(begin, end - begin);
    begin = end;
    const auto whole = grapheme.size() < kLookedUpBelow ? map.shortest(grapheme) : std::nullopt;
    if (whole) {
      out += whole->text;
      continue;
    }
    for (std::size_t at = 0; at < grapheme.size(); at += utf8_length(grapheme[at])) {
      const std::string_view character = grapheme.substr(at, utf8_length(grapheme[at]));
      const auto entry = map.shortest(character);
      out += entry ? entry->text : character;
    }
  }
  return out;
}

}  // namespace

NormalizerStep precompiled_normalizer(const Json& spec, const std::string& where) {
  const std::string bytes = from_base64(string_field(spec, "precompiled_charsmap", where),
                                        where + ": precompiled_charsmap");
  if (bytes.empty()) {
    return [](std::string text) { return text; };
  }
  return [map = CharacterMap::from_bytes(bytes, where)](const std::string& text) {
    return map_graphemes(map, text);
  };
}

}  // namespace headscope
