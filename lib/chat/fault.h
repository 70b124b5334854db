// How the parts of the template engine say that they cannot go on; whoever runs a template adds
// where and at which line, and throws a DataError.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace headscope::jinja {

struct Fault : std::runtime_error {
  explicit Fault(const std::string& message) : std::runtime_error(message) {}

  template <typename... Args>
  explicit Fault(fmt::format_string<Args...> format, Args&&... args) requires(sizeof...(Args) > 0)
      : std::runtime_error(fmt::format(format, std::forward<Args>(args)...)) {}
};

// A fault of the source itself, at a line of it.
struct SyntaxFault : Fault {
  SyntaxFault(int at_line, const std::string& message) : Fault(message), line(at_line) {}
  int line;
};

}  // namespace headscope::jinja
