// Where a model computes. Free of Torch.
#pragma once

#include <string>
#include <string_view>

namespace headscope {

struct Device {
  enum class Kind { cpu, cuda } kind = Kind::cpu;
  int index = 0;

  [[nodiscard]] bool is_cuda() const { return kind == Kind::cuda; }
  bool operator==(const Device&) const = default;
};

inline Device cuda(int index = 0) {
  return {Device::Kind::cuda, index};
}

// "cpu", "cuda" or "cuda:1". Anything else is a UsageError.
Device parse_device(std::string_view text);
std::string to_string(const Device& device);

}  // namespace headscope
