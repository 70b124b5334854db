// What Gemma 2 and 3 share.
#pragma once

#include "lib/families/families.h"

namespace headscope {

// Sizes, sandwich norms, embedding scale, soft-caps. Windows and rotary bases are each family's
// own. Without query_pre_attn_scalar scores are scaled by 1/√256, as by transformers.
ModelConfig gemma_config(ConfigFields& fields);

// Layers slide as layer_types says or, without it, all but every `pattern`-th.
std::vector<bool> gemma_sliding_layers(ConfigFields& fields,
                                       std::int64_t n_layers,
                                       std::int64_t pattern);

WeightRules gemma_rules(const ModelConfig& config, Naming naming);

}  // namespace headscope
