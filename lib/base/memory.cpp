#include "lib/base/memory.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <map>
#include <string>

#include <fmt/format.h>

#include "lib/base/error.h"

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

// A line of /proc/self/status, in bytes; 0 if it is not there.
std::int64_t own_memory(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name + ":")) {
      return std::stoll(line.substr(name.size() + 1)) * 1024;
    }
  }
  return 0;
}

}  // namespace

std::int64_t available_memory() {
  return std::min(kernel_available(), cgroup_available());
}

std::int64_t peak_memory() {
  return own_memory("VmHWM");
}

std::int64_t resident_memory() {
  return own_memory("VmRSS");
}

void reset_peak_memory() {
  std::ofstream("/proc/self/clear_refs") << "5";  // proc(5): the peak resident size
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

std::int64_t parse_bytes(const std::string& text) {
  static const std::map<std::string, double> units{{"", 1},
                                                   {"b", 1},
                                                   {"kb", 1e3},
                                                   {"mb", 1e6},
                                                   {"gb", 1e9},
                                                   {"tb", 1e12},
                                                   {"kib", 1024.},
                                                   {"mib", 1048576.},
                                                   {"gib", 1073741824.}};
  double number = 0.0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  std::string unit(stop, end);
  unit.erase(
      0,
      unit.find_first_not_of(' ') == std::string::npos ? unit.size() : unit.find_first_not_of(' '));
  std::transform(unit.begin(), unit.end(), unit.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  const auto found = units.find(unit);
  if (error != std::errc() || found == units.end() || !(number > 0) ||
      number * found->second > 9e18) {
    throw UsageError("{}: not a size, for example 4GB or 512MB", text);
  }
  return static_cast<std::int64_t>(number * found->second);
}

}  // namespace headscope
