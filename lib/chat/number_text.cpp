#include "lib/chat/number_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "lib/chat/python_case.h"
#include "lib/chat/python_text.h"

namespace headscope::jinja {
namespace {

bool is_ascii_digit(char byte) {
  return byte >= '0' && byte <= '9';
}

// The text without white space around it and "_" between digits; nothing if "_" stands elsewhere.
std::optional<std::string> plain_number(const std::string& text) {
  const std::string_view stripped = strip(text, Side::both);
  std::string plain;
  for (std::size_t i = 0; i < stripped.size(); ++i) {
    if (stripped[i] != '_') {
      plain += stripped[i];
    } else if (i == 0 || i + 1 == stripped.size() || !is_ascii_digit(stripped[i - 1]) ||
               !is_ascii_digit(stripped[i + 1])) {
      return std::nullopt;
    }
  }
  const bool foreign = std::any_of(plain.begin(), plain.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0x80u) != 0;
  });
  if (foreign) {
    throw Fault("headscope's Jinja reads numbers from ASCII text alone");
  }
  return plain;
}

std::string_view without_sign(std::string_view text) {
  return !text.empty() && (text[0] == '+' || text[0] == '-') ? text.substr(1) : text;
}

}  // namespace

std::optional<std::int64_t> parse_integer(const std::string& text) {
  const auto plain = plain_number(text);
  if (!plain) {
    return std::nullopt;
  }
  const std::string_view digits = without_sign(*plain);
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), is_ascii_digit)) {
    return std::nullopt;
  }
  const std::string_view all = plain->front() == '+' ? digits : std::string_view(*plain);
  std::int64_t value = 0;
  if (std::from_chars(all.data(), all.data() + all.size(), value).ec != std::errc()) {
    throw Fault("the integer {} does not fit into 64 bits", all.substr(0, 40));
  }
  return value;
}

std::optional<double> parse_float(const std::string& text) {
  const auto plain = plain_number(text);
  if (!plain) {
    return std::nullopt;
  }
  const std::string_view digits = without_sign(*plain);
  const std::string word = lower(digits);
  if (word == "inf" || word == "infinity" || word == "nan") {
    throw Fault("headscope's Jinja does not read '{}' as a number", *plain);
  }
  if (digits.empty() || !(is_ascii_digit(digits[0]) || digits[0] == '.')) {
    return std::nullopt;
  }
  double value = 0.0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc::result_out_of_range) {
    throw Fault("the number {} does not fit into a float", digits.substr(0, 40));
  }
  if (error != std::errc() || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return plain->front() == '-' ? -value : value;
}

std::int64_t whole_part(double value) {
  constexpr double kEnd = 9223372036854775808.0;
  if (!(std::abs(value) < kEnd)) {
    throw Fault("a float does not fit into an integer of 64 bits");
  }
  return static_cast<std::int64_t>(value);
}

}  // namespace headscope::jinja
