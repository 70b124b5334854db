// How much each head of a trace attends in a few well-known ways.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hooks/trace/trace.h"

namespace headscope {

struct HeadScore {
  std::int64_t layer = 0;
  std::int64_t head = 0;
  // Means over prompts of attention weights, in [0, 1]:
  double previous = 0.0;  // to the token before, over queries from 2 on (at 1 that is the first)
  double first = 0.0;     // to the first token, over queries from 1 on
  double object = 0.0;    // from the last token to the span "object"
};

// Every head of every recorded blocks.*.attn.hook_pattern. Throws DataError if a prompt is not done
// or lacks the span, UsageError if no pattern was recorded.
std::vector<HeadScore> score_heads(const TraceReader& trace);

// The `count` highest by one score, highest first.
std::vector<HeadScore> strongest(std::vector<HeadScore> heads,
                                 double HeadScore::*score,
                                 std::size_t count);

}  // namespace headscope
