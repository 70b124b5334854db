// The cells of one batch of prompts.
#pragma once

#include <vector>

#include "analyses/sweep/row_batch.h"
#include "analyses/sweep/scoring.h"
#include "analyses/sweep/sweep.h"
#include "analyses/sweep/sweep_memory.h"
#include "analyses/sweep/swept_columns.h"

namespace headscope {

// Everything that stays the same through a sweep.
struct SweepContext {
  const Model& model;
  const Task& task;
  const SweepSpec& spec;
  const SweepOptions& options;
  const Grid& grid;
  const Scoring& scoring;
  SweepSink& sink;
  SweepPlan plan{};

  [[nodiscard]] bool plain() const {
    return options.execution == SweepOptions::Execution::plain || model.standing() != nullptr ||
           !spec.together.empty();
  }
  [[nodiscard]] bool stopped() const { return options.stop && options.stop(); }
  [[nodiscard]] std::int64_t end_cell() const {
    return options.end_cell < 0 ? grid.size() : options.end_cell;
  }
  [[nodiscard]] bool wanted(std::int64_t cell, std::int64_t item) const {
    return cell >= options.first_cell && cell < end_cell() && !sink.done(cell, item);
  }
};

class SweepBatch {
 public:
  // `unchanged` is the metric of every item of the task in the run that is changed; `make_runs` is
  // called when a block first needs them.
  SweepBatch(const SweepContext& context,
             const PromptBatch& batch,
             const std::vector<double>& unchanged,
             std::function<BatchRuns()> make_runs);

  [[nodiscard]] std::int64_t blocks() const;  // rows that run together; of a plain sweep, cells

  // False if the sweep was stopped.
  bool run(const BlockRange& blocks);

 private:
  // The cells of one part of one layer, or some of its heads or variants.
  struct Cells {
    std::size_t part = 0;
    std::int64_t layer = 0;
    HeadRange heads;
    std::vector<std::int64_t> index;  // of the grid
  };

  [[nodiscard]] std::vector<Cells> cells_of(const ColumnGroup& group) const;
  // Cells that run together. Which do depends on the task and the plan alone, never on what is done
  // already: a resumed sweep runs the same products and rounds as one that was never stopped.
  [[nodiscard]] std::vector<std::vector<Cells>> batches_of(const ColumnGroup& group) const;
  [[nodiscard]] bool any_wanted(const std::vector<Cells>& together) const;
  [[nodiscard]] const BatchRuns& runs();
  [[nodiscard]] ChangeInput input_of(const ColumnGroup& group);
  [[nodiscard]] std::int64_t blocks_of(const ColumnGroup& group) const;
  bool run_group(const ColumnGroup& group, const BlockRange& blocks);
  bool run_plain(const ColumnGroup& group, const BlockRange& blocks);
  bool run_cell(const Cells& one, const ColumnGroup& group);
  bool run_together(const std::vector<Cells>& together, RowRunner& runner, ChangeInput& in);
  [[nodiscard]] std::int64_t heads_of(const SweptPart& part) const;  // or variants; 0: one cell
  void add(RowBatch& rows_together, ChangeInput& in, const Cells& cells);
  [[nodiscard]] ChangedStreams streams_of(const ChangeInput& in, const Cells& cells) const;
  // Sorts the rows of `cells` into those to run and those without a change, which are stored.
  std::vector<RowBatch::Member> members_of(const Cells& cells, const Tensor& differs);
  void store(std::vector<ResultStore::Value> values);  // those that are wanted

  const SweepContext& context_;
  const PromptBatch& batch_;
  const std::vector<double>& unchanged_;
  std::function<BatchRuns()> make_runs_;
  std::optional<BatchRuns> runs_{};
  SweptColumns columns_;
  std::int64_t variants_;                    // of the replacement; 0: none
  std::vector<Replacement> replacements_{};  // one a variant, or one
};

}  // namespace headscope
