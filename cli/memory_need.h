// How much memory a run will take, and how much there is.
#pragma once

#include <cstdint>

#include "lib/base/device.h"
#include "lib/base/dtype.h"
#include "lib/model/config.h"

namespace headscope {

// An upper estimate, in bytes, of what one forward pass over `tokens` tokens of one prompt holds at
// its fullest beside the weights: the residual stream, the widest layer's values and the logits of
// the last position; no recorded values.
std::int64_t activation_bytes(const ModelConfig& config, DType dtype, std::int64_t tokens);

// Of the host, or of the GPU. ResourceError if there is no such GPU.
std::int64_t free_memory(const Device& device);

// The most this process has held so far: resident in the host, or allocated on the GPU.
std::int64_t peak_memory_on(const Device& device);

}  // namespace headscope
