#include "lib/chat/string_escapes.h"

#include <algorithm>
#include <charconv>

#include "lib/chat/fault.h"
#include "lib/text/unicode.h"

namespace headscope::jinja {
namespace {

constexpr std::string_view kEscapeLetters = "\\'\"abfnrtv";
constexpr std::string_view kEscapeMeanings = "\\'\"\a\b\f\n\r\t\v";

// `count` digits (or fewer, if octal) as a code point.
char32_t escaped_code(std::string_view digits, int base, int line) {
  std::uint32_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (error != std::errc() || end != digits.data() + digits.size() || value > 0x10FFFF ||
      surrogate) {
    throw SyntaxFault(line, fmt::format("'{}' is no character", digits));
  }
  return value;
}

std::size_t octal_length(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && end < 3 && text[end] >= '0' && text[end] <= '7') {
    ++end;
  }
  return end;
}

// Appends what the escape at the begin of `text` (behind its backslash) means; its length.
std::size_t append_escape(std::string_view text, int line, std::string& out) {
  const char letter = text.front();
  if (const std::size_t found = kEscapeLetters.find(letter); found != kEscapeLetters.npos) {
    out += kEscapeMeanings[found];
    return 1;
  }
  if (letter == '\n') {
    return 1;
  }
  if (const std::size_t octal = octal_length(text); octal > 0) {
    append_utf8(out, escaped_code(text.substr(0, octal), 8, line));
    return octal;
  }
  const std::size_t digits = letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
  if (digits > 0) {
    if (text.size() < digits + 1) {
      throw SyntaxFault(line, "an escape is cut short");
    }
    append_utf8(out, escaped_code(text.substr(1, digits), 16, line));
    return digits + 1;
  }
  if (letter == 'N' || static_cast<unsigned char>(letter) >= 0x80) {
    throw SyntaxFault(line,
                      "headscope's Jinja does not know the escapes \\N and \\ before non-ASCII");
  }
  out += '\\';  // as it stands
  return 0;
}

}  // namespace

std::string unescaped(std::string_view text, int line) {
  std::string result;
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find('\\'), text.size());
    result += text.substr(0, plain);
    text.remove_prefix(plain);
    if (!text.empty()) {
      text.remove_prefix(1);
      text.remove_prefix(append_escape(text, line, result));
    }
  }
  return result;
}

}  // namespace headscope::jinja
