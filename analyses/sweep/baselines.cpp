#include "analyses/sweep/baselines.h"

#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {

void Baselines::add(const BatchRuns& runs, const Scoring& scoring) {
  add(runs.batch.items, {runs.clean.logits(), runs.corrupted.logits()}, scoring);
}

void Baselines::add(const std::vector<std::int64_t>& batch,
                    const Logits& logits,
                    const Scoring& scoring) {
  const auto of_clean = scoring.values(logits.clean, batch, logits.clean);
  const auto of_corrupted = scoring.values(logits.corrupted, batch, logits.clean);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    clean[static_cast<std::size_t>(batch[i])] = of_clean[i];
    corrupted[static_cast<std::size_t>(batch[i])] = of_corrupted[i];
  }
}

BatchRuns logits_of(const Model& model, const PromptBatch& batch, const Scoring& scoring) {
  const RunOptions logits_alone{.sites = {}, .first_column = 0, .vocab = scoring.vocab()};
  return {batch,
          RunValues(model, batch.clean, logits_alone),
          RunValues(model, batch.corrupted, logits_alone)};
}

Baselines baselines_of(const Model& model,
                       const std::vector<TaskItem>& items,
                       const Scoring& scoring,
                       std::int64_t tokens) {
  Baselines baselines(items.size());
  for (const PromptBatch& batch : prompt_batches(items, tokens)) {
    baselines.add(logits_of(model, batch, scoring), scoring);
  }
  return baselines;
}

std::vector<Baselines> baselines_of(const Model& model,
                                    const std::vector<TaskItem>& items,
                                    const std::vector<const Metric*>& metrics) {
  std::vector<Scoring> scorings;
  for (const Metric* metric : metrics) {
    scorings.emplace_back(*metric, items, model);
  }
  std::vector<Baselines> baselines(metrics.size(), Baselines(items.size()));
  for (const PromptBatch& batch : prompt_batches(items, kBaselineTokens)) {
    const RunValues clean(model, batch.clean, {});
    const RunValues corrupted(model, batch.corrupted, {});
    for (std::size_t i = 0; i < metrics.size(); ++i) {
      const auto& vocab = scorings[i].vocab();
      const auto of = [&](const Tensor& all) {
        return vocab.empty() ? all : all.index_select(1, index_tensor(vocab, all.device()));
      };
      baselines[i].add(batch.items, {of(clean.logits()), of(corrupted.logits())}, scorings[i]);
    }
  }
  return baselines;
}

}  // namespace headscope
