#include "lib/chat/python_text.h"

#include <algorithm>
#include <limits>

#include "lib/chat/value.h"
#include "lib/text/unicode.h"

namespace headscope::jinja {
namespace {

bool in_set(std::string_view character, const std::string& set) {
  for (std::size_t at = 0; at < set.size(); at += utf8_length(set[at])) {
    if (std::string_view(set).substr(at, utf8_length(set[at])) == character) {
      return true;
    }
  }
  return false;
}

bool strippable(std::string_view character, const std::string* set) {
  return set == nullptr ? is_python_space(code_point_at(character, 0).value)
                        : in_set(character, *set);
}

std::int64_t at_most(std::int64_t most) {
  return most < 0 ? std::numeric_limits<std::int64_t>::max() : most;
}

std::vector<std::string> split_at_spaces(std::string_view text, std::int64_t most, Side from) {
  std::vector<std::string> parts;
  const Side other = from == Side::left ? Side::right : Side::left;
  text = strip(text, from);
  while (!text.empty() && most-- > 0) {
    std::size_t word = 0;
    if (from == Side::left) {
      while (word < text.size() && !is_python_space(code_point_at(text, word).value)) {
        word += utf8_length(text[word]);
      }
      parts.emplace_back(text.substr(0, word));
      text.remove_prefix(word);
    } else {
      std::string_view rest = text;
      while (!rest.empty()) {
        const std::size_t last = last_character(rest);
        if (is_python_space(code_point_at(rest, last).value)) {
          break;
        }
        rest = rest.substr(0, last);
      }
      parts.emplace_back(text.substr(rest.size()));
      text = rest;
    }
    text = strip(text, from);
  }
  if (!text.empty()) {
    parts.emplace_back(strip(text, other));
  }
  if (from == Side::right) {
    std::reverse(parts.begin(), parts.end());
  }
  return parts;
}

std::vector<std::string> split_at(std::string_view text,
                                  const std::string& separator,
                                  std::int64_t most,
                                  Side from) {
  std::vector<std::string> parts;
  while (most-- > 0) {
    const std::size_t found = from == Side::left ? text.find(separator) : text.rfind(separator);
    if (found == text.npos) {
      break;
    }
    if (from == Side::left) {
      parts.emplace_back(text.substr(0, found));
      text.remove_prefix(found + separator.size());
    } else {
      parts.emplace_back(text.substr(found + separator.size()));
      text = text.substr(0, found);
    }
  }
  parts.emplace_back(text);
  if (from == Side::right) {
    std::reverse(parts.begin(), parts.end());
  }
  return parts;
}

bool ends_line(char32_t value) {
  return (value >= 0x0A && value <= 0x0D) || (value >= 0x1C && value <= 0x1E) || value == 0x85 ||
         value == 0x2028 || value == 0x2029;
}

std::string replace_between(std::string_view text, std::string_view with, std::int64_t most) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); at += utf8_length(text[at])) {
    if (most-- > 0) {
      result += with;
    }
    result += text.substr(at, utf8_length(text[at]));
  }
  if (most > 0) {
    result += with;
  }
  return result;
}

}  // namespace

std::int64_t text_length(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0u) != 0x80u;
  });
}

std::vector<Value> characters(std::string_view text) {
  std::vector<Value> result;
  for (std::size_t at = 0; at < text.size(); at += utf8_length(text[at])) {
    result.emplace_back(text.substr(at, utf8_length(text[at])));
  }
  return result;
}

bool is_python_space(char32_t value) {
  return (value >= 0x1C && value <= 0x1F) || is_white_space(value);
}

bool all_space(std::string_view text) {
  return strip(text, Side::left).empty();
}

std::string_view strip(std::string_view text, Side side, const std::string* set) {
  while (side != Side::right && !text.empty() &&
         strippable(text.substr(0, utf8_length(text.front())), set)) {
    text.remove_prefix(utf8_length(text.front()));
  }
  while (side != Side::left && !text.empty() &&
         strippable(text.substr(last_character(text)), set)) {
    text = text.substr(0, last_character(text));
  }
  return text;
}

std::vector<std::string> split(std::string_view text, const Split& options) {
  const std::int64_t most = at_most(options.most);
  return options.separator == nullptr ? split_at_spaces(text, most, options.from)
                                      : split_at(text, *options.separator, most, options.from);
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    std::size_t after = at + point.length;
    if (ends_line(point.value)) {
      if (point.value == '\r' && after < text.size() && text[after] == '\n') {
        ++after;
      }
      lines.emplace_back(text.substr(begin, at - begin));
      begin = after;
    }
    at = after;
  }
  if (begin < text.size()) {
    lines.emplace_back(text.substr(begin));
  }
  return lines;
}

std::string replace_text(std::string_view text,
                         std::string_view old,
                         std::string_view with,
                         std::int64_t most) {
  most = at_most(most);
  if (old.empty()) {
    return replace_between(text, with, most);
  }
  std::string result;
  for (std::size_t found = 0; most-- > 0 && (found = text.find(old)) != text.npos;) {
    result += text.substr(0, found);
    result += with;
    text.remove_prefix(found + old.size());
  }
  result += text;
  return result;
}

std::int64_t find_text(std::string_view text, std::string_view part, Side from) {
  const std::size_t found = from == Side::left ? text.find(part) : text.rfind(part);
  return found == text.npos ? -1 : text_length(text.substr(0, found));
}

std::int64_t count_text(std::string_view text, std::string_view part) {
  if (part.empty()) {
    return text_length(text) + 1;
  }
  std::int64_t found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != text.npos; at += part.size()) {
    ++found;
  }
  return found;
}

std::string escape_html(std::string_view text) {
  std::string result;
  for (const char byte : text) {
    switch (byte) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '\'':
        result += "&#39;";
        break;
      case '"':
        result += "&#34;";
        break;
      default:
        result += byte;
    }
  }
  return result;
}

}  // namespace headscope::jinja
