#include "lib/chat/python_case.h"

#include <algorithm>
#include <iterator>

#include <utf8proc.h>

#include "lib/chat/fault.h"
#include "lib/chat/python_text.h"
#include "lib/text/unicode.h"

namespace headscope::jinja {
namespace {

enum class Case { upper, lower, title };

struct CodeRange {
  char32_t first;
  char32_t last;
};

// Those with an upper case of several code points (Unicode's SpecialCasing.txt), but ß.
constexpr CodeRange kExpanding[] = {{0x149, 0x149},
                                    {0x1F0, 0x1F0},
                                    {0x390, 0x390},
                                    {0x3B0, 0x3B0},
                                    {0x587, 0x587},
                                    {0x1E96, 0x1E9A},
                                    {0x1F50, 0x1F56},
                                    {0x1F80, 0x1FFC},
                                    {0xFB00, 0xFB17}};

void refuse_special(char32_t value, Case to) {
  const bool expands =
      to != Case::lower &&
      std::any_of(std::begin(kExpanding), std::end(kExpanding), [&](const CodeRange& range) {
        return value >= range.first && value <= range.last;
      });
  constexpr char32_t kSigma = 0x3A3;  // ς at the end of a word, else σ
  if (expands || (to == Case::lower && value == kSigma)) {
    throw Fault("headscope's Jinja does not know the other case of the character U+{:04X}",
                static_cast<std::uint32_t>(value));
  }
}

char32_t mapped_case(char32_t value, Case to) {
  const auto point = static_cast<utf8proc_int32_t>(value);
  switch (to) {
    case Case::upper:
      return static_cast<char32_t>(utf8proc_toupper(point));
    case Case::lower:
      return static_cast<char32_t>(utf8proc_tolower(point));
    case Case::title:
      return static_cast<char32_t>(utf8proc_totitle(point));
  }
  return value;
}

void append_case(std::string& out, char32_t value, Case to) {
  constexpr char32_t kSharpS = 0xDF;
  constexpr char32_t kDottedI = 0x130;
  if (value == kSharpS && to != Case::lower) {
    out += to == Case::upper ? "SS" : "Ss";
    return;
  }
  if (value == kDottedI && to == Case::lower) {
    out += "i\xCC\x87";
    return;
  }
  refuse_special(value, to);
  append_utf8(out, mapped_case(value, to));
}

std::string in_case(std::string_view text, Case to) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); at += utf8_length(text[at])) {
    append_case(result, code_point_at(text, at).value, to);
  }
  return result;
}

// Upper (1), lower (−1) or no case. Letter numbers and the like may have one, by other properties.
int case_of(char32_t value) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(value))) {
    case UTF8PROC_CATEGORY_LU:
      return 1;
    case UTF8PROC_CATEGORY_LL:
      return -1;
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_SO:
      if (value > 0xFF &&
          (mapped_case(value, Case::upper) != value || mapped_case(value, Case::lower) != value)) {
        throw Fault("headscope's Jinja does not know the case of the character U+{:04X}",
                    static_cast<std::uint32_t>(value));
      }
      return 0;
    default:
      return value == 0xAA || value == 0xBA ? -1 : 0;  // ª and º
  }
}

bool has_one_case(std::string_view text, int wanted) {
  bool found = false;
  for (std::size_t at = 0; at < text.size(); at += utf8_length(text[at])) {
    const int found_case = case_of(code_point_at(text, at).value);
    if (found_case == -wanted) {
      return false;
    }
    found = found || found_case == wanted;
  }
  return found;
}

bool begins_word(char32_t value) {
  return is_python_space(value) || value == '-' || value == '(' || value == '{' || value == '[' ||
         value == '<';
}

}  // namespace

std::string upper(std::string_view text) {
  return in_case(text, Case::upper);
}

std::string lower(std::string_view text) {
  return in_case(text, Case::lower);
}

std::string capitalize(std::string_view text) {
  if (text.empty()) {
    return "";
  }
  const std::size_t first = utf8_length(text.front());
  return in_case(text.substr(0, first), Case::title) + lower(text.substr(first));
}

std::string title(std::string_view text) {
  std::string result;
  bool inside = false;
  for (std::size_t at = 0; at < text.size(); at += utf8_length(text[at])) {
    const char32_t value = code_point_at(text, at).value;
    append_case(result, value, inside ? Case::lower : Case::title);
    inside = case_of(value) != 0;
  }
  return result;
}

std::string title_words(std::string_view text) {
  std::string result;
  bool separator = true;
  for (std::size_t at = 0; at < text.size(); at += utf8_length(text[at])) {
    const char32_t value = code_point_at(text, at).value;
    append_case(result, value, separator ? Case::upper : Case::lower);
    separator = begins_word(value);
  }
  return result;
}

bool is_upper(std::string_view text) {
  return has_one_case(text, 1);
}

bool is_lower(std::string_view text) {
  return has_one_case(text, -1);
}

}  // namespace headscope::jinja
