// The character map of a SentencePiece model, compiled into a double-array trie (Aoe 1989; the
// layout is darts-clone's), as Hugging Face's `Precompiled` applies it.
#include <cstring>
#include <optional>
#include <vector>

#include <utf8proc.h>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/text/base64.h"
#include "lib/text/json_fields.h"
#include "lib/text/normalizer_steps.h"
#include "lib/text/unicode.h"

namespace headscope {
namespace {

class CharacterMap {
 public:
  static CharacterMap from_bytes(const std::string& bytes, const std::string& where);

  // What the shortest entry that opens `part` maps to: SentencePiece takes the longest, Hugging
  // Face the first found, and equal ids need the same.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view part) const;

  [[nodiscard]] std::string apply(std::string_view text) const;

 private:
  std::vector<std::uint32_t> units_;
  std::string texts_;  // each ends in a zero
};

CharacterMap CharacterMap::from_bytes(const std::string& bytes, const std::string& where) {
  std::uint32_t size = 0;
  if (bytes.size() >= sizeof(size)) {
    std::memcpy(&size, bytes.data(), sizeof(size));
  }
  if (size == 0 || size % sizeof(std::uint32_t) != 0 || size > bytes.size() - sizeof(size)) {
    throw DataError("{}: the precompiled_charsmap is cut off", where);
  }
  CharacterMap map;
  map.units_.resize(size / sizeof(std::uint32_t));
  std::memcpy(map.units_.data(), bytes.data() + sizeof(size), size);
  map.texts_ = bytes.substr(sizeof(size) + size) + '\0';
  if (valid_utf8_prefix(map.texts_) != map.texts_.size()) {
    throw DataError("{}: the precompiled_charsmap holds texts that are no UTF-8", where);
  }
  return map;
}

// A unit: the byte that leads to it (bits 0 to 7, and 31 where it is a value), whether a value
// hangs on it (bit 8), and the offset of its children (from bit 10, in steps of 256 where bit 9 is
// set).
std::optional<std::string_view> CharacterMap::find(std::string_view part) const {
  const auto offset = [](std::uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); };
  std::size_t at = offset(units_[0]);
  for (const char c : part) {
    const auto byte = static_cast<std::uint8_t>(c);
    at ^= byte;
    if (c == 0 || at >= units_.size() || (units_[at] & ((1u << 31) | 0xFFu)) != byte) {
      return std::nullopt;
    }
    const bool has_value = ((units_[at] >> 8) & 1u) != 0;
    at ^= offset(units_[at]);
    if (has_value && at < units_.size()) {
      const std::size_t text = units_[at] & 0x7FFFFFFFu;
      return text < texts_.size() ? std::optional(std::string_view(texts_.c_str() + text))
                                  : std::nullopt;
    }
  }
  return std::nullopt;
}

// The end of the user-perceived character (UAX 29) that begins at `begin`.
std::size_t grapheme_end(std::string_view text, std::size_t begin) {
  CodePoint point = code_point_at(text, begin);
  utf8proc_int32_t state = 0;
  std::size_t end = begin + point.length;
  while (end < text.size()) {
    const CodePoint next = code_point_at(text, end);
    if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(point.value),
                                         static_cast<utf8proc_int32_t>(next.value),
                                         &state)) {
      break;
    }
    end += next.length;
    point = next;
  }
  return end;
}

// Short graphemes are looked up whole, then every character by itself.
std::string CharacterMap::apply(std::string_view text) const {
  constexpr std::size_t kLookedUpBelow = 6;  // bytes
  std::string out;
  out.reserve(text.size());
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = grapheme_end(text, begin);
    const std::string_view grapheme = text.substr(begin, end - begin);
    begin = end;
    const auto whole = grapheme.size() < kLookedUpBelow ? find(grapheme) : std::nullopt;
    if (whole) {
      out += *whole;
      continue;
    }
    for (std::size_t at = 0; at < grapheme.size(); at += utf8_length(grapheme[at])) {
      const std::string_view character = grapheme.substr(at, utf8_length(grapheme[at]));
      out += find(character).value_or(character);
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
    return map.apply(text);
  };
}

}  // namespace headscope
