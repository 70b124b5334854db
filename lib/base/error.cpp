#include "lib/base/error.h"

#include <cstddef>
#include <string_view>

namespace headscope {
namespace {

bool continues_character(char byte) {  // of UTF-8
  return (static_cast<unsigned char>(byte) & 0xC0u) == 0x80u;
}

std::string without_middle(const std::string& text) {
  if (text.size() <= kLongestMessage) {
    return text;
  }
  std::size_t head = kLongestMessage / 2;
  while (head > 0 && continues_character(text[head])) {
    --head;
  }
  std::size_t tail = text.size() - kLongestMessage / 2;
  while (tail < text.size() && continues_character(text[tail])) {
    ++tail;
  }
  return text.substr(0, head) + " … " + text.substr(tail);
}

// C0, DEL, and C1 in UTF-8, of which terminals take some for commands.
bool is_control(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  const bool c1 =
      byte == 0xC2u && at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xA0u;
  return byte < 0x20u || byte == 0x7Fu || c1;
}

}  // namespace

std::string one_line(const std::string& message) {
  std::string line;
  for (std::size_t at = 0; at < message.size(); ++at) {
    const char c = message[at];
    if (!is_control(message, at)) {
      line += c;
    } else if (c == '\n') {
      line += "\\n";
    } else if (c == '\t') {
      line += "\\t";
    } else {
      line += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return without_middle(line);
}

}  // namespace headscope
