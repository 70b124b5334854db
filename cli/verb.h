// A verb of the command line, as data.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "cli/common_options.h"

namespace headscope {

// What the user typed that every verb gets.
struct Invocation {
  std::string command_line;
  CommonOptions common;
};

struct Verb {
  std::string_view name;
  std::string_view summary;
  std::string_view example;  // shown under --help
  // Declares the verb's own options; what it returns runs the verb once they are parsed.
  // `invocation` outlives both.
  std::function<void()> (*bind)(CLI::App& app, const Invocation& invocation);
};

}  // namespace headscope
