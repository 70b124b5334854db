#include "lib/base/device.h"

#include <charconv>

#include "lib/base/error.h"

namespace headscope {

Device parse_device(std::string_view text) {
  if (text == "cpu") {
    return {};
  }
  if (text == "cuda") {
    return cuda(0);
  }
  int index = -1;
  if (text.starts_with("cuda:")) {
    const char* begin = text.data() + 5;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(begin, end, index);
    if (error == std::errc() && stop == end && index >= 0) {
      return cuda(index);
    }
  }
  throw UsageError("{}: no such device; choose cpu, cuda or cuda:<index>", text);
}

std::string to_string(const Device& device) {
  return device.is_cuda() ? fmt::format("cuda:{}", device.index) : "cpu";
}

}  // namespace headscope
