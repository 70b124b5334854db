#include "lib/text/byte_alphabet.h"

#include <array>

#include "lib/text/unicode.h"

namespace headscope {
namespace {

constexpr int kCharacters = 0x180;  // all of the alphabet lies below

struct ByteTables {
  std::array<char32_t, 256> character{};
  std::array<std::int16_t, kCharacters> byte{};
};

constexpr bool stands_for_itself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr ByteTables make_tables() {
  ByteTables alphabet;
  for (auto& byte : alphabet.byte) {
    byte = -1;
  }
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const char32_t character = stands_for_itself(byte) ? static_cast<char32_t>(byte) : next++;
    alphabet.character[static_cast<std::size_t>(byte)] = character;
    alphabet.byte[character] = static_cast<std::int16_t>(byte);
  }
  return alphabet;
}

constexpr ByteTables kByteTables = make_tables();

}  // namespace

char32_t byte_to_character(std::uint8_t byte) {
  return kByteTables.character[byte];
}

std::optional<std::string> unspell_bytes(std::string_view spelled) {
  std::string bytes;
  bytes.reserve(spelled.size());
  for (std::size_t at = 0; at < spelled.size();) {
    const CodePoint point = code_point_at(spelled, at);
    if (point.value >= kCharacters || kByteTables.byte[point.value] < 0) {
      return std::nullopt;
    }
    bytes.push_back(static_cast<char>(kByteTables.byte[point.value]));
    at += point.length;
  }
  return bytes;
}

std::string spell_bytes(std::string_view bytes) {
  std::string spelled;
  for (const char byte : bytes) {
    append_utf8(spelled, byte_to_character(static_cast<std::uint8_t>(byte)));
  }
  return spelled;
}

}  // namespace headscope
