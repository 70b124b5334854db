// Weights that a safetensors file holds as pairs of tensors in MXFP4, as gpt-oss is published:
// NAME_blocks [..., G, 16] of bytes, two values of four bits in each, and NAME_scales [..., G], an
// exponent for the 32 values of a group.
#pragma once

#include <memory>

#include "lib/weights/mapped_weights.h"

namespace headscope {

// `weights`, with each such pair shown as one tensor NAME_blocks [..., 32 G] that can be read;
// itself where it holds none. Throws DataError for a pair whose shapes do not fit, and for one
// without its other half.
std::unique_ptr<WeightSource> with_mxfp4_pairs(std::unique_ptr<MappedWeights> weights);

}  // namespace headscope
