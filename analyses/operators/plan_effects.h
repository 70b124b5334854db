// What a whole plan of attention costs on texts, against as many heads at random.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "analyses/operators/text_scores.h"
#include "lib/model/attention_plan.h"
#include "lib/model/model.h"
#include "lib/text/prompt.h"

namespace headscope {

// Of each text.
struct PlanEffects {
  std::vector<double> unchanged_nll;  // of the model as it is
  std::vector<TextScore> plan;
  std::vector<std::vector<TextScore>> random;  // [draws]: the same operators in other heads
};

struct PlanEffectsOptions {
  std::int64_t draws = 3;
  std::uint64_t seed = 0;
  std::function<bool()> stop = {};  // asked between texts: Interrupted
  std::function<void()> each = {};  // called after each text
};

// Whole passes of the changed models. Throws UsageError for a model that has a plan or a standing
// change already, and for texts of one token.
PlanEffects plan_effects(const Model& model,
                         const AttentionPlan& plan,
                         const std::vector<Prompt>& texts,
                         const PlanEffectsOptions& options);

// The plan with its KV heads put in the places of others, drawn anew for each seed: as many heads
// with each operator, those that share keys and values together.
AttentionPlan shuffled(const AttentionPlan& plan, const ModelConfig& config, std::uint64_t seed);

}  // namespace headscope
