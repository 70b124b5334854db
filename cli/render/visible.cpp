#include "cli/render/visible.h"

#include <fmt/format.h>
#include <utf8proc.h>

namespace headscope {
namespace {

bool is_mark(int code) {
  const auto category = utf8proc_category(code);
  return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME;
}

// Format, private, unassigned and separator characters: nothing a reader could see or tell apart.
bool is_unseen(int code) {
  switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return true;
    default:
      return false;
  }
}

std::string show(int code, std::string_view raw, Spaces spaces) {
  switch (code) {
    case ' ':
      return spaces == Spaces::shown ? "␣" : " ";
    case '\n':
      return "↵";
    case '\t':
      return "⇥";
    case 0x7f:
      return "␡";
    default:
      break;
  }
  if (code < 0x20) {  // U+2400 … U+241F are pictures of the controls
    return fmt::format("\xe2\x90{}", static_cast<char>(0x80 + code));
  }
  return is_unseen(code) ? fmt::format("<U+{:04X}>", code) : std::string(raw);
}

}  // namespace

int next_code_point(std::string_view utf8, std::size_t& position) {
  utf8proc_int32_t code = -1;
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(utf8.data()) + position;
  const auto left = static_cast<utf8proc_ssize_t>(utf8.size() - position);
  const auto used = utf8proc_iterate(at, left, &code);
  position += used > 0 ? static_cast<std::size_t>(used) : 1;
  return used > 0 ? code : -1;
}

std::string visible(std::string_view bytes, Spaces spaces) {
  if (bytes.empty()) {
    return spaces == Spaces::shown ? "∅" : "";
  }
  std::string out;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t begin = at;
    const int code = next_code_point(bytes, at);
    if (code < 0) {
      out += fmt::format("<0x{:02X}>", static_cast<unsigned char>(bytes[begin]));
      continue;
    }
    out += begin == 0 && is_mark(code) ? "◌" : "";
    out += show(code, bytes.substr(begin, at - begin), spaces);
  }
  return out;
}

int display_width(std::string_view utf8) {
  int width = 0;
  for (std::size_t at = 0; at < utf8.size();) {
    const int code = next_code_point(utf8, at);
    width += code < 0 ? 1 : utf8proc_charwidth(code);
  }
  return width;
}

std::string shorten(std::string_view utf8, int columns) {
  if (display_width(utf8) <= columns) {
    return std::string(utf8);
  }
  int width = 1;  // of the ellipsis
  std::size_t at = 0;
  for (std::size_t next = 0; next < utf8.size(); at = next) {
    const int code = next_code_point(utf8, next);
    width += code < 0 ? 1 : utf8proc_charwidth(code);
    if (width > columns) {
      break;
    }
  }
  return std::string(utf8.substr(0, at)) + "…";
}

}  // namespace headscope
