// Loops over threads for work outside Torch (de-quantising, packing, rendering).
#pragma once

#include <cstdint>
#include <functional>

namespace headscope {

// The number of threads of every parallel loop; --threads sets it. Default: the cores allowed to
// this process.
int thread_count();
void set_thread_count(int threads);

// Calls body(begin, end) on disjoint ranges that cover [0, count), each a multiple of `grain` long
// but the last; ranges are handed out as threads become free. Rethrows the first exception.
// A loop called from a body runs on that body's thread.
void parallel_for(std::int64_t count,
                  std::int64_t grain,
                  const std::function<void(std::int64_t, std::int64_t)>& body);

}  // namespace headscope
