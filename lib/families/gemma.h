// What Gemma 2 and 3 share.
#pragma once

#include "lib/families/families.h"

namespace headscope {

// Sizes, sandwich norms, embedding scale, soft-caps. Windows and rotary bases are each family's
// own. `largest` is the layer count of the family's largest model, whose GGUF files mean another
// scale than 1/√d_head without saying so.
ModelConfig gemma_config(ConfigFields& fields, std::int64_t largest);

// Layers slide as layer_types says or, without it, all but every `pattern`-th.
std::vector<bool> gemma_sliding_layers(ConfigFields& fields,
                                       std::int64_t n_layers,
                                       std::int64_t pattern);

WeightRules gemma_rules(const ModelConfig& config, Naming naming);

}  // namespace headscope
