#include "lib/base/warning.h"

#include <cstdio>
#include <mutex>
#include <set>

#include <fmt/format.h>

namespace headscope {
namespace {

struct Warnings {
  std::mutex mutex;
  std::set<std::string> said;
  std::function<void(const std::string&)> sink;
};

Warnings& warnings() {
  static Warnings state;
  return state;
}

}  // namespace

void warn(const std::string& text) {
  Warnings& state = warnings();
  const std::lock_guard lock(state.mutex);
  if (state.sink) {
    state.sink(text);
  } else if (state.said.insert(text).second) {
    std::fputs(fmt::format("headscope: {}\n", text).c_str(), stderr);
  }
}

void set_warning_sink(std::function<void(const std::string&)> sink) {
  Warnings& state = warnings();
  const std::lock_guard lock(state.mutex);
  state.sink = std::move(sink);
}

}  // namespace headscope
