// What a head's OV circuit does to a token it attends to: does it write the token itself?
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "analyses/circuit/head_circuit.h"
#include "analyses/task/task.h"
#include "lib/model/model.h"

namespace headscope {

struct CopyScore {
  double copies = 0.0;      // share of tokens among the `top` likeliest after W_OV
  double suppresses = 0.0;  // after −W_OV
};

// The residual stream behind the first block's MLP at each of the spans' tokens, through the head's
// W_V and W_O, the final norm and the unembedding (Wang et al. 2022, arXiv:2211.00593, appendix I).
// A head of a KV group uses the group's W_V. One score a head, fewer if `stop` ended it. Throws
// UsageError for a span that an item lacks.
std::vector<CopyScore> copy_scores(const Model& model,
                                   const Task& task,
                                   const std::vector<HeadId>& heads,
                                   const std::vector<std::string>& spans,
                                   std::int64_t top = 5,
                                   const std::function<bool()>& stop = {});

}  // namespace headscope
