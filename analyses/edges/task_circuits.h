// Circuits of a whole task whose mean metric is asked for again and again.
#pragma once

#include <list>

#include "analyses/edges/masked_runs.h"

namespace headscope {

class TaskCircuits {
 public:
  // Keeps the clean runs of every batch of items.
  explicit TaskCircuits(const CircuitContext& context);

  // direction() × the mean metric over items, of each circuit.
  [[nodiscard]] std::vector<double> means(const std::vector<EdgeSet>& circuits) const;

 private:
  const CircuitContext& context_;
  std::vector<PromptBatch> batches_;
  std::list<MaskedRuns> runs_;
};

// Tokens of the items that run together, where circuits do too.
std::int64_t items_tokens(const Model& model);

}  // namespace headscope
