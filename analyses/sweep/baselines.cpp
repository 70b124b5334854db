#include "analyses/sweep/baselines.h"

namespace headscope {

void Baselines::add(const BlockRuns& runs, const Scoring& scoring) {
  const std::vector<std::int64_t>& items = runs.block.items;
  const Tensor& reference = runs.clean.logits();
  const auto of_clean = scoring.values(reference, items, reference);
  const auto of_corrupted = scoring.values(runs.corrupted.logits(), items, reference);
  for (std::size_t i = 0; i < items.size(); ++i) {
    clean[static_cast<std::size_t>(items[i])] = of_clean[i];
    corrupted[static_cast<std::size_t>(items[i])] = of_corrupted[i];
  }
}

BlockRuns logits_of(const Model& model, const Block& block, const Scoring& scoring) {
  const RunOptions logits_alone{.sites = {}, .first_column = 0, .vocab = scoring.vocab()};
  return {block,
          RunValues(model, block.clean, logits_alone),
          RunValues(model, block.corrupted, logits_alone)};
}

Baselines baselines_of(const Model& model,
                       const std::vector<TaskItem>& items,
                       const Scoring& scoring,
                       std::int64_t tokens) {
  Baselines baselines(items.size());
  for (const Block& block : blocks_of(items, tokens)) {
    baselines.add(logits_of(model, block, scoring), scoring);
  }
  return baselines;
}

}  // namespace headscope
