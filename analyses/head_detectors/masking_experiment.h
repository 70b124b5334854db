// What masking retrieval heads does to finding needles (Wu et al. 2024, section 3).
#pragma once

#include <vector>

#include "analyses/head_detectors/published.h"

namespace headscope {

// Accuracy against the number of masked heads: the highest of the "retrieval" detector against
// random ones, in the three ways of masking. Empty if that detector did not run.
std::vector<ResultTable> masking_experiment(const Model& model,
                                            const Atlas& atlas,
                                            const HeadRunOptions& options);

}  // namespace headscope
