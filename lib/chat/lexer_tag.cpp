#include "lib/chat/lexer_tag.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "lib/chat/python_text.h"
#include "lib/chat/string_escapes.h"
#include "lib/text/unicode.h"

namespace headscope::jinja {
namespace {

constexpr std::string_view kOperators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                           "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                           ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};

bool is_digit(char byte) {
  return byte >= '0' && byte <= '9';
}

bool is_name_byte(char byte) {
  return is_digit(byte) || byte == '_' || (byte >= 'a' && byte <= 'z') ||
         (byte >= 'A' && byte <= 'Z');
}

// Digits, single "_" between them.
std::size_t digits_length(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() &&
         (is_digit(text[end]) || (end > 0 && text[end] == '_' && end + 1 < text.size() &&
                                  is_digit(text[end + 1]) && is_digit(text[end - 1])))) {
    ++end;
  }
  return end;
}

// ".5" and "e-3" behind digits, or 0.
std::size_t fraction_length(std::string_view text) {
  if (text.empty() || text[0] != '.') {
    return 0;
  }
  const std::size_t digits = digits_length(text.substr(1));
  return digits == 0 ? 0 : digits + 1;
}

std::size_t exponent_length(std::string_view text) {
  if (text.empty() || (text[0] != 'e' && text[0] != 'E')) {
    return 0;
  }
  const std::size_t sign = text.size() > 1 && (text[1] == '+' || text[1] == '-') ? 1 : 0;
  const std::size_t digits = digits_length(text.substr(1 + sign));
  return digits == 0 ? 0 : 1 + sign + digits;
}

}  // namespace

void TagReader::skip(std::size_t bytes) {
  line += static_cast<int>(std::count(source.begin() + static_cast<std::ptrdiff_t>(at),
                                      source.begin() + static_cast<std::ptrdiff_t>(at + bytes),
                                      '\n'));
  at += bytes;
}

// "}}", "%}", with "-" before it taking all white space along; a block's also "+%}", and without a
// sign it takes one newline along.
bool TagReader::read_end(TokenKind end) {
  const bool block = end == TokenKind::block_end;
  const std::string_view mark = block ? "%}" : "}}";
  const std::string_view text = rest();
  const char sign = !text.empty() && (text[0] == '-' || (block && text[0] == '+')) ? text[0] : ' ';
  const std::size_t before = sign == ' ' ? 0 : 1;
  if (!text.substr(before).starts_with(mark)) {
    return false;
  }
  skip(before + mark.size());
  if (sign == '-') {
    skip(rest().size() - strip(rest(), Side::left).size());
  } else if (block && sign == ' ' && rest().starts_with('\n')) {
    skip(1);
  }
  return true;
}

void TagReader::read(TokenKind end, std::vector<Token>& tokens) {
  while (true) {
    const int begun = line;
    if (open_.empty() && read_end(end)) {
      tokens.push_back({end, begun});
      return;
    }
    if (const std::size_t spaces = rest().size() - strip(rest(), Side::left).size(); spaces > 0) {
      skip(spaces);
      continue;
    }
    if (rest().empty()) {
      throw SyntaxFault(line, "the template ends inside a tag");
    }
    tokens.push_back(read_token());
  }
}

Token TagReader::read_token() {
  const char first = source[at];
  if (is_digit(first)) {
    return read_number();
  }
  if (first == '\'' || first == '"') {
    return read_string();
  }
  if (!is_name_byte(first)) {
    return read_symbol();
  }
  const std::string_view text = rest();
  const std::size_t bytes = static_cast<std::size_t>(
      std::find_if_not(text.begin(), text.end(), is_name_byte) - text.begin());
  if (bytes < text.size() && static_cast<unsigned char>(text[bytes]) >= 0x80 &&
      is_word(code_point_at(text, bytes).value)) {
    throw SyntaxFault(line, "headscope's Jinja has only ASCII names");
  }
  at += bytes;
  return {TokenKind::name, line, std::string(text.substr(0, bytes))};
}

Token TagReader::read_string() {
  const char quote = source[at];
  std::size_t end = at + 1;
  while (end < source.size() && source[end] != quote) {
    end += source[end] == '\\' ? 2 : 1;
  }
  if (end >= source.size()) {
    throw SyntaxFault(line, "a string without its closing quote");
  }
  Token token{TokenKind::constant, line};
  token.value = unescaped(source.substr(at + 1, end - at - 1), line);
  skip(end + 1 - at);
  return token;
}

Token TagReader::read_number() {
  const std::string_view text = rest();
  const std::size_t whole = digits_length(text);
  const bool after_dot = at > 0 && source[at - 1] == '.';  // 1 in "list.1" is an index
  const std::size_t fraction = after_dot ? 0 : fraction_length(text.substr(whole));
  const std::size_t exponent = after_dot ? 0 : exponent_length(text.substr(whole + fraction));
  const std::size_t bytes = whole + fraction + exponent;
  std::string digits(text.substr(0, bytes));
  std::erase(digits, '_');
  Token token{TokenKind::constant, line};
  if (fraction + exponent > 0) {
    double value = 0.0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    token.value = value;
  } else {
    std::int64_t value = 0;
    const auto error = std::from_chars(digits.data(), digits.data() + digits.size(), value).ec;
    if (error != std::errc() || (digits.size() > 1 && digits.front() == '0' && value != 0) ||
        (bytes < text.size() && is_name_byte(text[bytes]))) {
      throw SyntaxFault(
          line,
          fmt::format("'{}' is no number headscope's Jinja knows", text.substr(0, bytes + 1)));
    }
    token.value = value;
  }
  at += bytes;
  return token;
}

Token TagReader::read_symbol() {
  const std::string_view text = rest();
  const auto found = std::find_if(std::begin(kOperators),
                                  std::end(kOperators),
                                  [&](std::string_view op) { return text.starts_with(op); });
  if (found == std::end(kOperators)) {
    throw SyntaxFault(
        line, fmt::format("unexpected character '{}'", text.substr(0, utf8_length(text[0]))));
  }
  const char symbol = found->front();
  if (symbol == '(' || symbol == '[' || symbol == '{') {
    open_.push_back(symbol == '(' ? ')' : symbol == '[' ? ']' : '}');
  } else if (symbol == ')' || symbol == ']' || symbol == '}') {
    if (open_.empty() || open_.back() != symbol) {
      throw SyntaxFault(line, fmt::format("unexpected '{}'", symbol));
    }
    open_.pop_back();
  }
  at += found->size();
  return {TokenKind::symbol, line, std::string(*found)};
}

}  // namespace headscope::jinja
