// How much of a circuit is the prompts' doing: circuits of resampled prompts.
#pragma once

#include "analyses/edges/circuit_method.h"
#include "analyses/edges/select.h"

namespace headscope {

struct StabilityOptions {
  std::int64_t bootstraps = 100;
  std::int64_t size = 0;  // edges (or nodes) of each circuit, before pruning
  SelectBy select = SelectBy::absolute_top;
  CircuitSettings settings;  // seed: of the resamples too; progress is of items
};

struct Stability {
  double jaccard = 0.0;  // mean over all pairs of the resamples' circuits, edge by edge
  double node_jaccard = 0.0;
  std::vector<double> scores;      // of all prompts
  std::vector<double> in_circuit;  // [n_edges], the share of resamples whose circuit has the edge
  std::vector<double> same_sign;   // as scores: the share of resamples with that score's sign
};

// The method runs once for every item by itself; a resample of as many items, drawn with
// replacement, has the mean of theirs. So it is exact for methods whose scores are means over
// items; UsageError for one whose are not (acdc), and for fewer than two items. Throws Interrupted
// if settings.stop ended it.
Stability circuit_stability(const CircuitContext& context,
                            const CircuitMethod& method,
                            CircuitLevel level,
                            const StabilityOptions& options);

}  // namespace headscope
