#include "cli/memory_need.h"

#include <algorithm>

#include <ATen/Context.h>
#include <c10/core/CachingDeviceAllocator.h>

#include "lib/base/memory.h"
#include "lib/tensor/backend.h"

namespace headscope {

std::int64_t activation_bytes(const ModelConfig& config, DType dtype, std::int64_t tokens) {
  const std::int64_t size = static_cast<std::int64_t>(size_of(dtype));
  const std::int64_t stream = 4 * config.d_model;  // before, after, normalised, contribution
  const std::int64_t qkv = (config.n_heads + 2 * config.n_kv_heads) * config.d_head;
  // q, k, v and their rotated or transposed copies, and z; or the MLP's pre, linear and post.
  const std::int64_t attention = 2 * qkv + config.n_heads * config.d_head;
  const std::int64_t widest = std::max(attention, 3 * config.d_mlp);
  return tokens * (stream + widest) * size + config.d_vocab * 4;
}

std::int64_t free_memory(const Device& device) {
  if (!device.is_cuda()) {
    return available_memory();
  }
  use_backend(device);
  at::globalContext().lazyInitDevice(c10::DeviceType::CUDA);
  const auto index = static_cast<c10::DeviceIndex>(device.index);
  auto* allocator = c10::getDeviceAllocator(c10::DeviceType::CUDA);
  return static_cast<std::int64_t>(allocator->getMemoryInfo(index).first);
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
