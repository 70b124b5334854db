// The form of statistics.h for what no kernel of ours knows: layers of full visibility, and biases
// listed by distance.
#pragma once

#include "lib/attention/statistics.h"

namespace headscope {

// False: attention_statistics_explicit() is the way.
bool statistics_kernels_know(const AttentionSpec& spec);

// By Torch operators on blocks of queries, on any device; memory O(T). Slower than the kernels.
AttentionStatistics attention_statistics_explicit(const StatisticsInputs& in,
                                                  const StatisticsRequest& request);

}  // namespace headscope
