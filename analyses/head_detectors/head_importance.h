// What a first-order step says of heads: Michel et al. 2019, arXiv:1905.10650, section 4.1.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/model/model.h"

namespace headscope {

struct HeadImportance {
  Tensor importance;  // [B, n_layers, n_heads] f64: |Σ over tokens z · ∂L/∂z|
  Tensor control;     // the same with random vectors as long as z
};

// L is the mean loss of the next token of each prompt. The absolute value is taken a prompt, before
// any mean. Prompts of one length.
HeadImportance head_importance(const Model& model,
                               const std::vector<std::vector<std::int32_t>>& prompts,
                               std::uint64_t seed);

}  // namespace headscope
