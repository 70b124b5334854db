// Parameters into tensors by a family's rules.
#pragma once

#include "lib/base/device.h"
#include "lib/base/dtype.h"
#include "lib/families/rules.h"
#include "lib/model/weights.h"
#include "lib/weights/weight_source.h"

namespace headscope {

// Decodes straight into the final tensors (peak memory: the weights, plus one transposed matrix).
// Throws DataError: a tensor missing, of another shape than the config says (both named), or stored
// but used by no rule.
Weights load_weights(const WeightSource& source,
                     const ModelConfig& config,
                     const WeightRules& rules,
                     DType dtype,
                     const Device& device);

// Throws what load_weights() would, without reading a value.
void check_weights(const WeightSource& source, const ModelConfig& config, const WeightRules& rules);

// Gaussian weights of a plausible scale, for timing models nobody here has.
Weights random_weights(const ModelConfig& config,
                       DType dtype,
                       const Device& device,
                       std::uint64_t seed);

}  // namespace headscope
