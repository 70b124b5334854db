#include "analyses/head_detectors/clean_values.h"

#include "analyses/sweep/baselines.h"
#include "analyses/sweep/prompt_batch.h"

namespace headscope {

std::vector<double> clean_values(const Model& model,
                                 const std::vector<TaskItem>& items,
                                 const Metric& metric) {
  const Scoring scoring(metric, items, model);
  std::vector<double> values(items.size());
  for (const PromptBatch& batch : prompt_batches(items, kBaselineTokens)) {
    const ForwardOptions last{.logits = Logits::last, .vocab = scoring.vocab()};
    const std::vector<double> rows =
        scoring.values(model.forward(batch.clean, last).logits, batch.items, {});
    for (std::size_t row = 0; row < rows.size(); ++row) {
      values[static_cast<std::size_t>(batch.items[row])] = rows[row];
    }
  }
  return values;
}

}  // namespace headscope
