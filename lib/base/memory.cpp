#include "lib/base/memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

#include <fmt/format.h>
#include <sys/resource.h>

namespace headscope {
namespace {

std::int64_t kernel_available() {
  std::ifstream info("/proc/meminfo");
  std::string key;
  std::int64_t kilobytes = 0;
  for (std::string unit; info >> key >> kilobytes; std::getline(info, unit)) {
    if (key == "MemAvailable:") {
      return kilobytes * 1024;
    }
  }
  return std::numeric_limits<std::int64_t>::max();
}

// cgroup v2; a missing file or "max" means no limit.
std::int64_t cgroup_available() {
  std::int64_t limit = 0;
  std::int64_t used = 0;
  if (std::ifstream("/sys/fs/cgroup/memory.max") >> limit &&
      std::ifstream("/sys/fs/cgroup/memory.current") >> used) {
    return std::max<std::int64_t>(0, limit - used);
  }
  return std::numeric_limits<std::int64_t>::max();
}

}  // namespace

std::int64_t available_memory() {
  return std::min(kernel_available(), cgroup_available());
}

std::int64_t peak_memory() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

std::string format_bytes(std::int64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1000.0 && unit + 1 < std::size(kUnits)) {
    value /= 1000.0;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace headscope
