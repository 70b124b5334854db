// Errors are sorted by who can mend them; the kind alone decides the exit code.
//
//   UsageError     the command or call is wrong (unknown hook, head out of range)   exit 2
//   DataError      a file or prompt is wrong (truncated weights, malformed JSONL)   exit 3
//   ResourceError  the machine is short of something (memory, disk, GPU)            exit 4
//   InternalError  headscope is wrong                                               exit 1
//
// A message is one line: what, where, the way out.
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace headscope {

// `message` as one line fit for a terminal: what files and command lines bring into it may hold
// line breaks, escape sequences or a megabyte. Control characters are spelled out (\n, \x1b), and
// what is longer than kLongestMessage bytes loses its middle.
std::string one_line(const std::string& message);
inline constexpr std::size_t kLongestMessage = 4000;

class Error : public std::runtime_error {
 public:
  [[nodiscard]] int exit_code() const { return exit_code_; }

 protected:
  Error(int exit_code, const std::string& message)

      : std::runtime_error(one_line(message)), exit_code_(exit_code) {}

 private:
  int exit_code_;
};

template <int kExitCode>
class ErrorOf : public Error {
 public:
  explicit ErrorOf(const std::string& message) : Error(kExitCode, message) {}

  template <typename... Args>
  explicit ErrorOf(fmt::format_string<Args...> format, Args&&... args) requires(sizeof...(Args) > 0)
      : Error(kExitCode, fmt::format(format, std::forward<Args>(args)...)) {}
};

using InternalError = ErrorOf<1>;
using UsageError = ErrorOf<2>;
using DataError = ErrorOf<3>;
using ResourceError = ErrorOf<4>;

// Thrown where work stopped because the user asked; nothing is wrong. The program exits with 130.
struct Interrupted : std::exception {
  [[nodiscard]] const char* what() const noexcept override { return "interrupted"; }
};

}  // namespace headscope
