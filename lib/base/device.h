// Where a model computes. Free of Torch.
#pragma once

#include <string>
#include <string_view>

namespace headscope {

struct Device {
  enum class Kind { cpu, cuda } kind = Kind::cpu;
  int index = 0;
  // GPUs from `index` on, over which the layers of a model are spread; the first holds what comes
  // before and after them.
  int count = 1;

  [[nodiscard]] bool is_cuda() const { return kind == Kind::cuda; }
  bool operator==(const Device&) const = default;
};

inline Device cuda(int index = 0) {
  return {Device::Kind::cuda, index};
}

// The i-th of a device's GPUs; a CPU is one.
inline Device one_of(const Device& device, int i) {
  return {device.kind, device.index + i};
}

// "cpu", "cuda", "cuda:1" or, for GPUs 0 to 3 together, "cuda:0-3". Anything else is a UsageError.
Device parse_device(std::string_view text);
std::string to_string(const Device& device);

}  // namespace headscope
