// GPT-2's spelling of bytes: every byte is one printable character, so that byte-level tokens can
// be stored as text ("Ġ" for a space). Radford et al. 2019, `bytes_to_unicode`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace headscope {

// The character that stands for `byte`: U+0021..U+017F.
char32_t byte_to_character(std::uint8_t byte);

// The bytes that `spelled` stands for, or nothing if a character is outside the alphabet.
std::optional<std::string> unspell_bytes(std::string_view spelled);

// The spelling of raw bytes.
std::string spell_bytes(std::string_view bytes);

}  // namespace headscope
