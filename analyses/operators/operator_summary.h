// A measurement of an operator in few numbers: a mean a head and measure, intervals, and how well
// cheap measures rank heads by what they cost.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "analyses/metric/summary.h"
#include "analyses/operators/operator_measure.h"
#include "lib/base/head_scores.h"

namespace headscope {

struct OperatorSummary {
  double unchanged_nll = 0.0;
  // Means over texts; of nll and control_nll what they are above the model's own.
  std::array<HeadScores, kOperatorMeasures.size()> means{};
  HeadScores delta_nll{};
  HeadTable<Summary> intervals{};  // of ΔNLL, over texts
  // Spearman's rank correlation over heads of each measure that needs no further pass with ΔNLL;
  // retained mass as what is lost. None where all heads are equal.
  std::vector<std::pair<std::string_view, std::optional<double>>> agreement{};

  [[nodiscard]] const HeadScores& of(OperatorMeasure measure) const {
    return means[static_cast<std::size_t>(measure)];
  }
};

// Throws DataError for files that are not finished.
OperatorSummary summarize(const OperatorResults& results);

}  // namespace headscope
