// Parameters into tensors by a family's rules.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/device.h"
#include "lib/base/dtype.h"
#include "lib/families/parameters.h"
#include "lib/families/rules.h"
#include "lib/families/weight_storage.h"
#include "lib/model/weights.h"
#include "lib/weights/weight_source.h"

namespace headscope {

// The shape in which a file that a rule of that layout reads holds the parameter.
std::vector<std::int64_t> stored_shape(const Parameter& parameter, Layout layout);

// Decodes tensor by tensor, each straight to the device (of several, to that of its layer): for a
// GPU the host holds no more than the largest one and the stored ones it is read from; on the CPU
// the weights, and one transposed matrix. Throws DataError: a tensor missing, of another shape than
// the config says (both named), or stored but used by no rule. WeightStorage::packed is for f32 on
// the CPU.
Weights load_weights(const WeightSource& source,
                     const ModelConfig& config,
                     const WeightRules& rules,
                     DType dtype,
                     const Device& device,
                     WeightStorage storage = WeightStorage::unpacked);

// Bytes that load_weights() will take to keep them packed, the rest in f32.
std::int64_t packed_weight_bytes(const WeightSource& source,
                                 const ModelConfig& config,
                                 const WeightRules& rules);

// Throws what load_weights() would, without reading a value.
void check_weights(const WeightSource& source, const ModelConfig& config, const WeightRules& rules);

// Gaussian weights of a plausible scale, for timing models nobody here has.
Weights random_weights(const ModelConfig& config,
                       DType dtype,
                       const Device& device,
                       std::uint64_t seed);

}  // namespace headscope
