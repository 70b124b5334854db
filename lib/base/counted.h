// "1 prompt", "12 prompts": a number with its noun, for messages.
#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

namespace headscope {

// `noun` in the singular; its plural ends in s.
template <typename Count>
std::string counted(Count count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == Count{1} ? "" : "s");
}

}  // namespace headscope
