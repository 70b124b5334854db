#include "lib/tensor/launch_graph.h"

#include "lib/tensor/backend.h"

namespace headscope {

std::unique_ptr<LaunchGraph> launch_graph(const Device& device) {
  if (!device.is_cuda()) {
    return nullptr;
  }
  use_backend(device);
  using Make = LaunchGraph* (*)(int);
  const auto make = reinterpret_cast<Make>(plugin_function("headscope_make_launch_graph"));
  return std::unique_ptr<LaunchGraph>(make == nullptr ? nullptr : make(device.index));
}

}  // namespace headscope
