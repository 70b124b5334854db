// A result as what it shows: how much each cell changes the metric, or is its share of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analyses/metric/summary.h"
#include "analyses/results/result_store.h"

namespace headscope {

struct CellEffect {
  std::int64_t cell = 0;
  std::vector<std::string> labels;  // one an axis
  // Over prompts, of metric − that of the unchanged run; of the share (result_kind.h).
  Summary effect;
  double value = 0.0;                // the mean of what is stored
  std::optional<double> normalized;  // corrupted = 0, clean = 1; none where the two hardly differ
};

struct Effects {
  std::vector<CellEffect> cells;  // those of which every prompt is done, in order
  Summary clean;
  Summary corrupted;
  std::optional<Scale> scale;  // none for shares
  Run into = Run::corrupted;   // the run that was changed
};

Effects effects_of(const Result& result);

// The `count` largest by absolute effect, largest first.
std::vector<CellEffect> strongest(const Effects& effects, std::size_t count);

// "23.3", "layer 4", "23.mlp", "23.3 @7".
std::string cell_name(const Result& result, const CellEffect& cell);

}  // namespace headscope
