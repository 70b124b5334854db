#include "lib/base/device.h"

#include <charconv>
#include <optional>

#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr int kMostGpus = 1024;

std::optional<int> index_of_gpu(std::string_view text) {
  int index = -1;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, index);
  const bool whole = error == std::errc() && stop == end && !text.empty();
  return whole && index >= 0 && index < kMostGpus ? std::optional(index) : std::nullopt;
}

}  // namespace

Device parse_device(std::string_view text) {
  if (text == "cpu") {
    return {};
  }
  if (text == "cuda") {
    return cuda(0);
  }
  if (text.starts_with("cuda:")) {
    const std::string_view numbers = text.substr(5);
    const std::size_t dash = numbers.find('-');
    const auto first = index_of_gpu(numbers.substr(0, dash));
    const auto last =
        dash == std::string_view::npos ? first : index_of_gpu(numbers.substr(dash + 1));
    if (first && last && *first <= *last) {
      return {Device::Kind::cuda, *first, *last - *first + 1};
    }
  }
  throw UsageError(
      "{}: no such device; choose cpu, cuda, cuda:<index> or, for several GPUs, "
      "cuda:<first>-<last>",
      text);
}

std::string to_string(const Device& device) {
  if (!device.is_cuda()) {
    return "cpu";
  }
  return device.count == 1
             ? fmt::format("cuda:{}", device.index)
             : fmt::format("cuda:{}-{}", device.index, device.index + device.count - 1);
}

}  // namespace headscope
