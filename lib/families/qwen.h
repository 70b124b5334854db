// What Qwen 2 and 3 share.
#pragma once

#include "lib/families/families.h"

namespace headscope {

// Sizes, rotation and windows: Llama's fields with Qwen's defaults. Without layer_types the layers
// from max_window_layers on slide, if use_sliding_window says that any do; a sliding_window of null
// is none, as to transformers. The scale of scores follows from d_head.
ModelConfig qwen_config(ConfigFields& fields);

// Llama's tensors, with QK-norms.
WeightRules qwen3_rules(const ModelConfig& config, Naming naming);

}  // namespace headscope
