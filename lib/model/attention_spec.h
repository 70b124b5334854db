// From a model to what its layers' attention computes.
#pragma once

#include "lib/attention/spec.h"
#include "lib/model/config.h"
#include "lib/model/weights.h"

namespace headscope {

// The spec of one layer, its tensors on `device`. The one place where fields of a config and
// weights become one. A block without weights gives what the config alone says. Throws DataError if
// a weight has another shape than one number a head.
AttentionSpec attention_spec(const ModelConfig& config,
                             const BlockWeights& block,
                             std::int64_t layer,
                             const at::Device& device);

}  // namespace headscope
