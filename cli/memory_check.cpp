#include "cli/memory_check.h"

#include <c10/core/CachingDeviceAllocator.h>

#include "lib/base/error.h"
#include "lib/base/memory.h"
#include "lib/tensor/backend.h"

namespace headscope {

void check_memory(const MemoryNeed& need, const Device& device, const std::string& way_out) {
  const auto check = [&](std::int64_t needed, std::int64_t have, const std::string& where) {
    if (needed > have) {
      throw ResourceError(
          "{} prompts of {} tokens at a time need about {} beside the weights (activations {}, "
          "logits {}, watched values {}, on the way to the disk {}) but {} has {} free; try {}",
          need.shape.rows,
          need.shape.columns,
          format_bytes(needed),
          format_bytes(need.activations),
          format_bytes(need.logits),
          format_bytes(need.watched),
          format_bytes(need.host),
          where,
          format_bytes(have),
          way_out);
    }
  };
  if (device.is_cuda()) {
    check(need.on_device(), free_memory(device), to_string(device));
    check(need.host, available_memory(), "the host");
  } else {
    check(need.total(), available_memory(), "this machine");
  }
}

std::int64_t peak_memory_on(const Device& device) {
  if (!device.is_cuda()) {
    return peak_memory();
  }
  const auto index = static_cast<c10::DeviceIndex>(device.index);
  const auto stats = c10::getDeviceAllocator(c10::DeviceType::CUDA)->getDeviceStats(index);
  return stats.allocated_bytes[0].peak;  // [0]: of all pools
}

}  // namespace headscope
