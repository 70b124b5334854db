// How much memory there is, and whether it is enough.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/device.h"
#include "lib/model/memory_need.h"
#include "lib/tensor/backend.h"

namespace headscope {

// Throws ResourceError if `need` is more than there is on the device or the host: what it needs,
// what there is, and `way_out` ("a smaller --shape").
void check_memory(const MemoryNeed& need, const Device& device, const std::string& way_out);

// The most this process has held so far: resident in the host, or allocated on the GPU.
std::int64_t peak_memory_on(const Device& device);

}  // namespace headscope
