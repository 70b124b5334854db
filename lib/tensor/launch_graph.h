// Launches of a GPU that are recorded once and then run again as one: a CUDA graph. They read and
// write the same memory each time.
#pragma once

#include <functional>
#include <memory>

#include "lib/base/device.h"

namespace headscope {

class LaunchGraph {
 public:
  virtual ~LaunchGraph() = default;

  // Runs `work` now, on the stream that record() records, so that libraries have set up there what
  // they set up at first use.
  virtual void warm_up(const std::function<void()>& work) = 0;
  // Records what `work` launches without running it. `work` may neither wait for the device nor
  // copy from the host's memory, and what it allocates stays with the graph. Throws c10::Error
  // where that cannot be recorded; what comes after then runs as if nothing had been tried.
  virtual void record(const std::function<void()>& work) = 0;
  // Runs what was recorded, on the current stream.
  virtual void replay() = 0;
};

// Null where there is none: on the CPU, or with kernels built before there were any.
std::unique_ptr<LaunchGraph> launch_graph(const Device& device);

}  // namespace headscope
