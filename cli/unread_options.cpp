#include "cli/unread_options.h"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/ranges.h>

#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr const char* kCommon[] = {"help", "json", "device", "dtype", "weights", "threads", "seed"};

std::string as_typed(const CLI::Option& option) {
  const std::string name = option.get_single_name();
  return option.get_lnames().empty() ? name : "--" + name;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void refuse_unread(const CLI::App& app,
                   const std::string& mode,
                   const std::vector<std::string>& reads) {
  for (const CLI::Option* option : app.get_options()) {
    const std::string name = option->get_single_name();
    const bool common =
        std::find(std::begin(kCommon), std::end(kCommon), name) != std::end(kCommon);
    if (option->count() > 0 && !common && !contains(reads, name)) {
      throw UsageError(
          "{} does not read {}; leave it out (headscope {} --help shows what there is)",
          mode,
          as_typed(*option),
          app.get_name());
    }
  }
}

void refuse_without(const CLI::App& app,
                    const std::vector<std::string>& names,
                    const std::string& what) {
  for (const std::string& name : names) {
    if (was_given(app, name)) {
      throw UsageError("--{} means nothing without {}", name, what);
    }
  }
}

bool was_given(const CLI::App& app, const std::string& name) {
  const std::vector<const CLI::Option*> options = app.get_options();
  return std::any_of(options.begin(), options.end(), [&](const CLI::Option* option) {
    return option->get_single_name() == name && option->count() > 0;
  });
}

}  // namespace headscope
