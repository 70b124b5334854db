// How much each head of a trace attends in a few well-known ways.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hooks/trace/trace.h"
#include "lib/base/head_id.h"

namespace headscope {

struct AttendingHead {
  HeadId head;
  // Means over prompts of attention weights, in [0, 1]:
  double previous = 0.0;  // to the token before, over queries from 2 on (at 1 that is the first)
  double first = 0.0;     // to the first token, over queries from 1 on
  double object = 0.0;    // from the last token to the span "object"
};

// Every head of every recorded blocks.*.attn.hook_pattern. Throws DataError if a prompt is not done
// or lacks the span, UsageError if no pattern was recorded.
std::vector<AttendingHead> score_heads(const TraceReader& trace);

// The `count` highest by one score, highest first.
std::vector<AttendingHead> strongest(std::vector<AttendingHead> heads,
                                     double AttendingHead::*score,
                                     std::size_t count);

}  // namespace headscope
