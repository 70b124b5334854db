// The plain loop that every shortcut is held against: one edit and whole forward passes a cell.
#pragma once

#include <vector>

#include "analyses/sweep/scoring.h"
#include "analyses/sweep/sweep.h"
#include "hooks/edits.h"

namespace headscope {

struct PlainLoop {
  const Model& model;
  const PromptBatch& batch;
  const BatchRuns& runs;  // the source's kept from column 0
  Run into = Run::clean;
  const Replacement& replacement;
  const RowRunnerMaker& runner;
  const Scoring& scoring;

  // The cell of that index, for every row of the batch. `changed` is [B, T] bool on the CPU.
  [[nodiscard]] std::vector<ResultStore::Value> run(Site site,
                                                    const Cell& cell,
                                                    std::int64_t index,
                                                    const Tensor& changed) const;

  // The same with all of these heads of the site changed at once.
  [[nodiscard]] std::vector<ResultStore::Value> run_together(Site site,
                                                             const std::vector<HeadId>& heads,
                                                             std::int64_t index,
                                                             const Tensor& changed) const;

 private:
  void change(Edits& edits,
              Site site,
              std::int64_t layer,
              const Selection& heads,
              const Tensor& changed) const;
  [[nodiscard]] std::vector<ResultStore::Value> scored(Edits& edits, std::int64_t index) const;
};

}  // namespace headscope
