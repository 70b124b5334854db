// Makes a device usable before the first tensor goes there.
#pragma once

#include <cstdint>

#include "lib/base/device.h"

namespace headscope {

// For cuda: opens libtorch_cuda.so and our kernels (libheadscope_cuda.so), which the program is not
// linked with. Throws ResourceError if there is no GPU, no such index, or the libraries are
// missing.
void use_backend(const Device& device);

// A function of our kernels' library by its C name; null before use_backend() has opened it, or if
// it has no such function.
void* plugin_function(const char* name);

// Bytes free on the host, or on the GPU; of several, on the one that has least. ResourceError as
// above.
std::int64_t free_memory(const Device& device);

// What this process holds now, in bytes: allocated on the GPU (of several, on the one that holds
// most), or resident in the host.
std::int64_t held_memory(const Device& device);

// The most this process has held so far, or since reset_peak_memory(), in bytes: resident in the
// host, or allocated on the GPU (of several, on the one that held most).
std::int64_t peak_memory(const Device& device);
void reset_peak_memory(const Device& device);

}  // namespace headscope
