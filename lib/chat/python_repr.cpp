#include "lib/chat/python_repr.h"

#include <charconv>
#include <cmath>

#include <utf8proc.h>

#include "lib/text/unicode.h"

namespace headscope::jinja {
namespace {

// str.isprintable() of one character.
bool is_printable(char32_t value) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(value))) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    case UTF8PROC_CATEGORY_ZS:
      return value == ' ';
    default:
      return true;
  }
}

std::string escaped_character(char32_t value) {
  switch (value) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      const auto code = static_cast<std::uint32_t>(value);
      return code < 0x100     ? fmt::format("\\x{:02x}", code)
             : code < 0x10000 ? fmt::format("\\u{:04x}", code)
                              : fmt::format("\\U{:08x}", code);
  }
}

std::string quoted_text(const std::string& text) {
  const bool has_single = text.find('\'') != text.npos;
  const char quote = has_single && text.find('"') == text.npos ? '"' : '\'';
  std::string result(1, quote);
  for (std::size_t at = 0; at < text.size(); at += utf8_length(text[at])) {
    const CodePoint point = code_point_at(text, at);
    if (point.value == static_cast<unsigned char>(quote) || point.value == '\\') {
      result += '\\';
      result += text[at];
    } else if (is_printable(point.value)) {
      result += text.substr(at, point.length);
    } else {
      result += escaped_character(point.value);
    }
  }
  return result + quote;
}

std::string joined_reprs(const std::vector<Value>& items) {
  std::string result;
  for (const Value& item : items) {
    result += (result.empty() ? "" : ", ") + repr(item);
  }
  return result;
}

std::string sequence_repr(const Sequence& sequence) {
  switch (sequence.kind) {
    case Sequence::Kind::list:
      return "[" + joined_reprs(sequence.items) + "]";
    case Sequence::Kind::tuple:
      return "(" + joined_reprs(sequence.items) + (sequence.items.size() == 1 ? ",)" : ")");
    case Sequence::Kind::keys:
      return "dict_keys([" + joined_reprs(sequence.items) + "])";
    case Sequence::Kind::values:
      return "dict_values([" + joined_reprs(sequence.items) + "])";
    case Sequence::Kind::items:
      return "dict_items([" + joined_reprs(sequence.items) + "])";
    default:
      throw Fault("headscope's Jinja does not print an iterator or a range; use |list");
  }
}

std::string dict_repr(const Dict& dict) {
  std::string result;
  for (const auto& [key, value] : dict.entries()) {
    result += (result.empty() ? "" : ", ") + repr(key) + ": " + repr(value);
  }
  return "{" + result + "}";
}

}  // namespace

std::string float_text(double value) {
  if (!std::isfinite(value)) {
    return std::isnan(value) ? "nan" : value < 0 ? "-inf" : "inf";
  }
  char buffer[64];
  const double size = std::abs(value);
  constexpr double kTiny = 1e-4;
  constexpr double kHuge = 1e16;
  const bool plain = size == 0.0 || (size >= kTiny && size < kHuge);
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value, format).ptr;
  std::string text(buffer, end);
  return plain && text.find('.') == text.npos ? text + ".0" : text;
}

std::string repr(const Value& value) {
  if (const auto* text = value.as<Text>()) {
    const std::string quoted = quoted_text(*text->bytes);
    return text->safe ? "Markup(" + quoted + ")" : quoted;
  }
  if (const auto* flag = value.as<bool>()) {
    return *flag ? "True" : "False";
  }
  if (const auto* number = value.as<std::int64_t>()) {
    return fmt::format("{}", *number);
  }
  if (const auto* number = value.as<double>()) {
    return float_text(*number);
  }
  if (const Sequence* sequence = value.sequence()) {
    return sequence_repr(*sequence);
  }
  if (const Dict* dict = value.dict()) {
    return dict_repr(*dict);
  }
  if (value.is<Undefined>()) {
    return "Undefined";
  }
  if (value.is<None>()) {
    return "None";
  }
  throw Fault("headscope's Jinja does not print a value of type {}", type_name(value));
}

std::string to_text(const Value& value) {
  if (const std::string* text = value.text()) {
    return *text;
  }
  return value.is<Undefined>() ? "" : repr(value);
}

}  // namespace headscope::jinja
