#include "analyses/attribution/attribution_memory.h"

#include <algorithm>

#include "analyses/sweep/baselines.h"
#include "analyses/sweep/sweep_memory.h"
#include "lib/base/error.h"
#include "lib/base/memory.h"
#include "lib/model/memory_need.h"

namespace headscope {
namespace {

// A prompt of `tokens` tokens; `runs` of it are followed backwards.
std::int64_t bytes_of_prompt(const Model& model,
                             const SweepSpec& spec,
                             const AttributionOptions& attribution,
                             std::int64_t tokens) {
  const ModelConfig& c = model.config();
  const std::int64_t runs = attribution.method == AttributionMethod::ig ? attribution.steps : 1;
  const std::int64_t streams = (c.n_layers + 1) * c.d_model * 4 * (2 + runs);
  const bool explicit_attention = attribution.method == AttributionMethod::atp_qk_fix ||
                                  spec.parts.front().site == Site::pattern || forms_scores(model);
  const std::int64_t layer = backward_token_bytes(
      c, tokens, explicit_attention ? AttentionMaps::formed : AttentionMaps::fused);
  const std::int64_t logits = spec.metric->full_vocabulary ? 64 * c.d_vocab : 0;
  const std::int64_t kept = c.n_layers * c.n_heads * 32;  // the estimates
  return tokens * (streams + runs * layer + kept) + runs * logits;
}

}  // namespace

SweepPlan plan_attribution(const Model& model,
                           const Task& task,
                           const SweepSpec& spec,
                           const AttributionOptions& attribution,
                           const SweepOptions& options) {
  const std::int64_t memory = options.memory;
  std::int64_t longest = 0;
  for (const TaskItem& item : task.items) {
    longest = std::max(longest, item.length());
  }
  const std::int64_t prompt = bytes_of_prompt(model, spec, attribution, longest);
  if (prompt > memory) {
    throw ResourceError(
        "--memory {} is too little: a prompt of {} tokens needs {}; allow more, or take shorter "
        "prompts{}",
        format_bytes(memory),
        longest,
        format_bytes(prompt),
        attribution.method == AttributionMethod::ig ? " or fewer --steps" : "");
  }
  if (options.plan) {
    const std::int64_t most = std::max(options.plan->batch_tokens, options.plan->baseline_tokens);
    const std::int64_t need = prompt * ((most + longest - 1) / longest);
    if (need > memory) {
      refuse_batches(need, memory);
    }
    return *options.plan;
  }
  const std::int64_t runs = attribution.method == AttributionMethod::ig ? attribution.steps : 1;
  const std::int64_t enough = enough_tokens(model.device(), PassDirection::backwards) / runs;
  const std::int64_t fit = memory / prompt * longest;
  return {.batch_tokens = std::max(longest, std::min(fit, enough)),
          .batch_rows = 0,
          .baseline_tokens = std::max(longest, std::min(fit, kBaselineTokens))};
}

}  // namespace headscope
