// A gradient and a change → the estimated effect of each cell of one layer.
#pragma once

#include "analyses/attribution/layer_run.h"
#include "analyses/sweep/sweep.h"

namespace headscope {

// The cells of one layer: which part, and the columns each group of them changes.
struct LayerCells {
  SweptPart part;
  Tensor masks;  // [G, B, T] f64 on the device: 1 where the group's cells change something
};

// Effects are [G, B, C] f64 on the CPU: C heads, or 1.

// Σ difference · gradient, both with the axes of the part's site.
Tensor linear_terms(const LayerCells& cells, const Tensor& difference, const Tensor& gradient);

// Of queries or keys, through the softmax: Σ (pattern' − pattern) · gradient of the pattern, where
// pattern' has `source` in place of the run's own queries (or, in a group's columns, keys).
Tensor softmax_terms(const LayerCells& cells,
                     const LayerRun& run,
                     const Tensor& source,
                     const Tensor& pattern,
                     const Tensor& gradient);

}  // namespace headscope
