// Effects worked out by hand, against those of a sweep of the induction model.
#pragma once

#include <functional>

#include "analyses/sweep/sweep.h"
#include "tests/support/catch.h"
#include "tests/sweep/induction_task.h"

namespace headscope::test {

inline constexpr double kMargin = 1e-4;  // of the scale from −kInductionLogit to kInductionLogit

inline bool is(const Cell& cell, const HandHead& which) {
  return cell.layer == which.layer && cell.head == which.head;
}

// Runs the sweep under logit_diff, fast and plain; every cell of every prompt has the effect said,
// on the scale on which the changed run is 0 and the other 1.
inline void check_effects(const Model& model,
                          const Task& task,
                          SweepSpec spec,
                          const std::function<double(const Cell&)>& expected) {
  spec.metric = &find_metric("logit_diff");
  const Grid grid = grid_of(model, task, spec);
  using Execution = SweepOptions::Execution;
  for (const Execution execution : {Execution::shared, Execution::plain}) {
    if (execution == Execution::plain && spec.runner != nullptr) {
      continue;
    }
    SweepTable table(grid.size(), static_cast<std::int64_t>(task.items.size()));
    REQUIRE(run_sweep(model, task, spec, {.memory = 1 << 30, .execution = execution}, table));
    const double from = spec.into == Run::clean ? kInductionLogit : -kInductionLogit;
    for (std::int64_t cell = 0; cell < grid.size(); ++cell) {
      for (std::size_t i = 0; i < task.items.size(); ++i) {
        CAPTURE(model.config().n_kv_heads, to_string(grid.cell(cell)), i, execution);
        const double value = table.value(cell, static_cast<std::int64_t>(i));
        CHECK((value - from) / (-2 * from) == Approx(expected(grid.cell(cell))).margin(kMargin));
      }
    }
  }
}

}  // namespace headscope::test
