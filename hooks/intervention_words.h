// What a document of interventions will do to a model, in words, and what that costs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hooks/intervention_plan.h"

namespace headscope {

struct InterventionWords {
  std::string does;    // "multiplies blocks.9.attn.hook_z by 0"
  std::string where;   // "heads 6, 9; tokens that the model writes"; empty: everywhere
  std::string points;  // "1 hook point, layer 9"
  // Layers whose attention forms scores [batch, n_heads, query, key] in f32 for it, which the fused
  // path never does.
  std::vector<std::int64_t> forms_scores{};
  // Layers that form each head's share of the output, [batch, pos, n_heads, d_model], for it.
  std::vector<std::int64_t> forms_results{};
};

// One of each intervention of the plan, in order.
std::vector<InterventionWords> in_words(const InterventionPlan& plan);

}  // namespace headscope
