#include "cli/output.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "cli/document.h"
#include "cli/render/visible.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void print_json(const OrderedJson& json) {
  print(named_document(json).dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n");
}

void show(const Invocation& invocation, const OrderedJson& json, const std::string& text) {
  if (invocation.common.json) {
    print_json(json);
  } else {
    print(text);
  }
}

void print_note(const std::string& text) {
  const std::string line = "headscope: " + text + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);  // where it cannot be written nobody reads it
}

void finish_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    throw ResourceError("standard output: cannot write: {}", std::strerror(errno));
  }
}

std::string facts(const std::vector<std::pair<std::string, std::string>>& lines) {
  int width = 0;
  for (const auto& [name, value] : lines) {
    width = std::max(width, value.empty() ? 0 : display_width(name));
  }
  std::string text;
  for (const auto& [name, value] : lines) {
    if (!value.empty()) {
      const int gap = width - display_width(name) + 2;
      text += name + std::string(static_cast<std::size_t>(gap), ' ') + value + "\n";
    }
  }
  return text;
}

std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  const std::size_t sign = number < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > sign + 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

}  // namespace headscope
