// Two results of one kind of cells, cell by cell: two methods, two runs, or two models on one task.
// Free of Torch.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analyses/attribution/agreement.h"
#include "analyses/metric/summary.h"
#include "analyses/results/result_store.h"

namespace headscope {

struct ComparedCell {
  std::vector<std::string> labels;  // one an axis
  std::string name;                 // "23.3"
  double a = 0.0;
  double b = 0.0;
  Summary change;        // of b − a; of results of different prompts its bounds are normal ones
  bool changed = false;  // the 95 % interval of the change excludes 0
};

struct ComparedResults {
  std::vector<ResultAxis> axes;     // of the cells in both
  std::vector<ComparedCell> cells;  // done in both, in the order of the axes
  Agreement agreement;              // of b by a, over them
  bool paired = false;      // both of the same prompts of one task, so changes are those of prompts
  bool normalized = false;  // effects are shares of clean − corrupted; else in the metric's unit
  std::size_t only_a = 0;   // cells of one alone: layers and heads that the other model lacks
  std::size_t only_b = 0;

  [[nodiscard]] std::size_t changed() const;
};

// Throws UsageError for results whose axes or metrics differ, or with fewer than two cells in
// common; DataError for one without values.
ComparedResults compare_results(const Result& a, const Result& b);

}  // namespace headscope
