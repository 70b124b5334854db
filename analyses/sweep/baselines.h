// The metric of the unchanged runs, which every cell is told from.
#pragma once

#include <vector>

#include "analyses/sweep/scoring.h"
#include "analyses/sweep/value_source.h"
#include "lib/model/memory_need.h"

namespace headscope {

struct Baselines {
  std::vector<double> clean, corrupted;  // of every item of the task
  // How often each part of the model's standing change fired in these runs; empty: not counted.
  std::vector<std::int64_t> fired{};

  explicit Baselines(std::size_t items) : clean(items), corrupted(items) {}
  [[nodiscard]] const std::vector<double>& of(Run run) const {
    return run == Run::clean ? clean : corrupted;
  }
  void add(const BatchRuns& runs, const Scoring& scoring);

  struct Logits {  // of the items of a batch; columns as scoring.vocab() says
    Tensor clean, corrupted;
  };
  void add(const std::vector<std::int64_t>& batch, const Logits& logits, const Scoring& scoring);
};

// Tokens of the batches baselines run in, where memory is not scarce: they do not depend on how
// much there is, so neither do the values.
inline constexpr std::int64_t kBaselineTokens = kTokensAtOnce;

// Both runs of a batch for their logits alone.
BatchRuns logits_of(const Model& model, const PromptBatch& batch, const Scoring& scoring);

Baselines baselines_of(const Model& model,
                       const std::vector<TaskItem>& items,
                       const Scoring& scoring,
                       std::int64_t tokens = kBaselineTokens);

// Of several metrics, in their order; every prompt runs once. Rounded otherwise in the last bit
// than one metric's alone, which needs fewer logits.
std::vector<Baselines> baselines_of(const Model& model,
                                    const std::vector<TaskItem>& items,
                                    const std::vector<const Metric*>& metrics);

}  // namespace headscope
