// UTF-8 and the few character classes Hugging Face's Rust code asks for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace headscope {

// One decoded code point and the bytes it took.
struct CodePoint {
  char32_t value = 0;
  std::size_t length = 0;
};

// The code point at `at` of valid UTF-8.
CodePoint code_point_at(std::string_view text, std::size_t at);

// The length in bytes of the character that `lead` opens in valid UTF-8.
inline std::size_t utf8_length(char lead) {
  const auto byte = static_cast<std::uint8_t>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

// Where the last character of non-empty valid `text` begins.
std::size_t last_character(std::string_view text);

void append_utf8(std::string& out, char32_t value);

// The length of the valid UTF-8 prefix of `text`.
std::size_t valid_utf8_prefix(std::string_view text);

// Every maximal invalid part becomes one U+FFFD, as Python's bytes.decode(errors="replace") and
// Rust's from_utf8_lossy do.
std::string replace_invalid_utf8(std::string_view text);

// Unicode White_Space, a word character (`\w` of Rust's regex), General_Category P*, and L/M/N…
bool is_white_space(char32_t value);
bool is_word(char32_t value);
bool is_punctuation(char32_t value);
bool is_numeric(char32_t value);  // Nd, Nl or No

}  // namespace headscope
