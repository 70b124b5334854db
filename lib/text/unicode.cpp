#include "lib/text/unicode.h"

#include <utf8proc.h>

#include "lib/text/unicode_16.h"

namespace headscope {
namespace {

std::uint8_t byte_at(std::string_view text, std::size_t at) {
  return at < text.size() ? static_cast<std::uint8_t>(text[at]) : 0;
}

// The second byte's allowed range depends on the first: no overlong forms, no surrogates, nothing
// beyond U+10FFFF.
bool second_byte_fits(std::uint8_t lead, std::uint8_t second) {
  switch (lead) {
    case 0xE0:
      return second >= 0xA0 && second <= 0xBF;
    case 0xED:
      return second >= 0x80 && second <= 0x9F;
    case 0xF0:
      return second >= 0x90 && second <= 0xBF;
    case 0xF4:
      return second >= 0x80 && second <= 0x8F;
    default:
      return second >= 0x80 && second <= 0xBF;
  }
}

struct Sequence {
  std::size_t length;  // bytes of the character, or of the maximal invalid part
  bool valid;
};

Sequence sequence_at(std::string_view text, std::size_t at) {
  const std::uint8_t lead = byte_at(text, at);
  if (lead < 0x80) {
    return {1, true};
  }
  if (lead < 0xC2 || lead > 0xF4) {
    return {1, false};
  }
  const std::size_t need = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (at + 1 >= text.size() || !second_byte_fits(lead, byte_at(text, at + 1))) {
    return {1, false};
  }
  for (std::size_t i = 2; i < need; ++i) {
    if (at + i >= text.size() || (byte_at(text, at + i) & 0xC0) != 0x80) {
      return {i, false};
    }
  }
  return {need, true};
}

utf8proc_category_t category(char32_t value) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(value));
}

}  // namespace

CodePoint code_point_at(std::string_view text, std::size_t at) {
  const std::size_t length = utf8_length(text[at]);
  if (length == 1) {
    return {byte_at(text, at), 1};
  }
  char32_t value = byte_at(text, at) & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    value = (value << 6) | (byte_at(text, at + i) & 0x3Fu);
  }
  return {value, length};
}

std::size_t last_character(std::string_view text) {
  std::size_t at = text.size() - 1;
  while (at > 0 && (byte_at(text, at) & 0xC0) == 0x80) {
    --at;
  }
  return at;
}

void append_utf8(std::string& out, char32_t value) {
  utf8proc_uint8_t bytes[4];
  const auto length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(value), bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
}

std::size_t valid_utf8_prefix(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const Sequence next = sequence_at(text, at);
    if (!next.valid) {
      return at;
    }
    at += next.length;
  }
  return at;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t good = valid_utf8_prefix(text);
    out.append(text.substr(0, good));
    text.remove_prefix(good);
    if (!text.empty()) {
      out.append("\xEF\xBF\xBD");
      text.remove_prefix(sequence_at(text, 0).length);
    }
  }
  return out;
}

bool is_white_space(char32_t value) {
  return (value >= 0x9 && value <= 0xD) || value == 0x20 || value == 0x85 || value == 0xA0 ||
         value == 0x1680 || (value >= 0x2000 && value <= 0x200A) || value == 0x2028 ||
         value == 0x2029 || value == 0x202F || value == 0x205F || value == 0x3000;
}

bool is_word(char32_t value) {
  const auto kind = category(value);
  const bool other_alphabetic =
      (value >= 0x24B6 && value <= 0x24E9) || (value >= 0x1F130 && value <= 0x1F149) ||
      (value >= 0x1F150 && value <= 0x1F169) || (value >= 0x1F170 && value <= 0x1F189);
  return (kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_NL) ||
         kind == UTF8PROC_CATEGORY_PC || other_alphabetic || value == 0x200C || value == 0x200D;
}

bool is_punctuation(char32_t value) {
  const auto kind = category(value);
  return kind >= UTF8PROC_CATEGORY_PC && kind <= UTF8PROC_CATEGORY_PO;
}

bool is_numeric(char32_t value) {
  const auto kind = category(value);
  return (kind >= UTF8PROC_CATEGORY_ND && kind <= UTF8PROC_CATEGORY_NO) ||
         number_since_unicode_16(value);
}

}  // namespace headscope
