// A direct logit attribution by kind of component.
#pragma once

#include <string>
#include <vector>

#include "analyses/metric/summary.h"
#include "analyses/results/result_store.h"

namespace headscope {

struct AttributionTotal {
  std::string name;  // "heads"
  Summary sum;       // over prompts, of the sum of its components
};

struct AttributionTotals {
  std::vector<AttributionTotal> kinds;  // those the model has: embeddings, heads, MLPs, biases
  Summary sum;                          // of every component
  Summary target;                       // what the model's own logits give for the same run
};

// `result`: of kind "dla". Throws DataError if it was never finished.
AttributionTotals totals_of(const Result& result);

}  // namespace headscope
