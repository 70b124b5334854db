#include "lib/tensor/backend.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <mutex>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <link.h>

#include <ATen/Context.h>
#include <c10/core/CachingDeviceAllocator.h>

#include "lib/base/error.h"
#include "lib/base/memory.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

// The folder of the loaded library whose name contains `part`; for "" the program itself.
fs::path folder_of_library(const std::string& part) {
  struct Search {
    std::string part;
    fs::path found;
  } search{part, {}};
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto* s = static_cast<Search*>(data);
        const fs::path path = info->dlpi_name;
        if (path.filename().string().find(s->part) == std::string::npos || path.empty()) {
          return 0;
        }
        s->found = path.parent_path();
        return 1;
      },
      &search);
  return search.found;
}

void* open_first(const std::vector<fs::path>& candidates, std::string& last_error) {
  for (const fs::path& path : candidates) {
    if (void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL)) {
      return handle;
    }
    last_error = ::dlerror();
  }
  return nullptr;
}

void* opened_plugin = nullptr;

void open_cuda_libraries() {
  std::string why;
  const fs::path torch = folder_of_library("libtorch_cpu.so");
  if (open_first({torch / "libtorch_cuda.so", "libtorch_cuda.so"}, why) == nullptr) {
    throw ResourceError(
        "--device cuda: cannot open libtorch_cuda.so ({}); point LD_LIBRARY_PATH at "
        "the lib folder of a CUDA build of torch 2.11",
        why);
  }
  const fs::path program = fs::read_symlink("/proc/self/exe").parent_path();
  const std::string plugin = "libheadscope_cuda.so";
  opened_plugin = open_first({program / plugin, program / "../lib" / plugin, plugin}, why);
  if (opened_plugin == nullptr) {
    throw ResourceError(
        "--device cuda: cannot open {} ({}); build headscope where nvcc is found", plugin, why);
  }
}

}  // namespace

void use_backend(const Device& device) {
  if (!device.is_cuda()) {
    return;
  }
  static std::once_flag opened;
  std::call_once(opened, open_cuda_libraries);
  if (!at::globalContext().hasCUDA()) {
    throw ResourceError("--device {}: no GPU that CUDA can use; --device cpu runs everywhere",
                        to_string(device));
  }
  const auto& hooks = at::detail::getCUDAHooks();
  const int there = hooks.deviceCount();
  if (device.index + device.count > there) {
    throw ResourceError("--device {}: this machine has {} GPU{}",
                        to_string(device),
                        there,
                        there == 1 ? ", cuda:0" : fmt::format("s, cuda:0-{}", there - 1));
  }
}

void* plugin_function(const char* name) {
  return opened_plugin == nullptr ? nullptr : ::dlsym(opened_plugin, name);
}

std::int64_t free_memory(const Device& device) {
  if (!device.is_cuda()) {
    return available_memory();
  }
  use_backend(device);
  at::globalContext().lazyInitDevice(c10::DeviceType::CUDA);
  auto* allocator = c10::getDeviceAllocator(c10::DeviceType::CUDA);
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (int i = 0; i < device.count; ++i) {
    const auto index = static_cast<c10::DeviceIndex>(device.index + i);
    least = std::min(least, static_cast<std::int64_t>(allocator->getMemoryInfo(index).first));
  }
  return least;
}

namespace {

// The largest of what every GPU of the device has allocated, in all pools.
std::int64_t most_allocated(const Device& device,
                            std::int64_t (*of)(const c10::CachingAllocator::Stat&)) {
  std::int64_t most = 0;
  for (int i = 0; i < device.count; ++i) {
    const auto index = static_cast<c10::DeviceIndex>(device.index + i);
    const auto stats = c10::getDeviceAllocator(c10::DeviceType::CUDA)->getDeviceStats(index);
    most = std::max(most, of(stats.allocated_bytes[0]));
  }
  return most;
}

}  // namespace

std::int64_t held_memory(const Device& device) {
  return device.is_cuda() ? most_allocated(device, [](const auto& stat) { return stat.current; })
                          : resident_memory();
}

std::int64_t peak_memory(const Device& device) {
  return device.is_cuda() ? most_allocated(device, [](const auto& stat) { return stat.peak; })
                          : headscope::peak_memory();
}

void reset_peak_memory(const Device& device) {
  if (!device.is_cuda()) {
    headscope::reset_peak_memory();
    return;
  }
  for (int i = 0; i < device.count; ++i) {
    const auto index = static_cast<c10::DeviceIndex>(device.index + i);
    c10::getDeviceAllocator(c10::DeviceType::CUDA)->resetPeakStats(index);
  }
}

}  // namespace headscope
