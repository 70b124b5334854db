// Effects worked out by hand, against those of a sweep of the induction model.
#pragma once

#include <functional>

#include "analyses/sweep/sweep.h"
#include "analyses/sweep/sweep_memory.h"
#include "tests/support/catch.h"
#include "tests/support/one_thread.h"
#include "tests/sweep/induction_task.h"

namespace headscope::test {

inline constexpr double kMargin = 1e-4;  // of the scale from −kInductionLogit to kInductionLogit

inline bool is(const Cell& cell, const HeadId& which) {
  return cell.layer == which.layer && cell.head == which.head;
}

// The least there may be: one prompt and one row at a time, so that every head is a batch of its
// own.
inline std::int64_t tight_memory(const Model& model, const Task& task) {
  const std::int64_t columns = task.items.back().length();
  const SweepShape shape{columns, columns, kInductionVocab, true};
  return bytes_of_prompt(model, shape) + 3 * bytes_of_row(model, shape);
}

// Runs the sweep under logit_diff; every cell of every prompt has the effect said, on the scale on
// which the changed run is 0 and the other 1.
inline void check_effects_of_run(const Model& model,
                                 const Task& task,
                                 const SweepSpec& spec,
                                 const SweepOptions& options,
                                 const std::function<double(const Cell&)>& expected) {
  const Grid grid = grid_of(model, task, spec);
  SweepTable table(grid.size(), static_cast<std::int64_t>(task.items.size()));
  REQUIRE(run_sweep(model, task, spec, options, table));
  const double from = spec.into == Run::clean ? kInductionLogit : -kInductionLogit;
  for (std::int64_t cell = 0; cell < grid.size(); ++cell) {
    for (std::size_t i = 0; i < task.items.size(); ++i) {
      CAPTURE(to_string(grid.cell(cell)), i, options.memory, options.execution);
      const double value = table.value(cell, static_cast<std::int64_t>(i));
      CHECK((value - from) / (-2 * from) == Approx(expected(grid.cell(cell))).margin(kMargin));
    }
  }
}

// In every way there is to run it.
inline void check_effects(const Model& model,
                          const Task& task,
                          SweepSpec spec,
                          const std::function<double(const Cell&)>& expected) {
  const OneThread one_thread;
  CAPTURE(model.config().n_kv_heads, short_name(spec.parts[0].site));
  spec.metric = &find_metric("logit_diff");
  check_effects_of_run(model, task, spec, {.memory = 1 << 30}, expected);
  check_effects_of_run(model, task, spec, {.memory = tight_memory(model, task)}, expected);
  if (spec.runner == nullptr) {
    const auto plain = SweepOptions::Execution::plain;
    check_effects_of_run(model, task, spec, {.memory = 1 << 30, .execution = plain}, expected);
  }
}

}  // namespace headscope::test
