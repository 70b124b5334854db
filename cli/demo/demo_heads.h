// The three ways of attending that the demo's page looks for, in its trace.
#pragma once

#include "hooks/trace/trace.h"
#include "lib/base/head_scores.h"

namespace headscope {

// Means over prompts of attention weights, in [0, 1], as detectors read them from a stored pattern.
struct DemoHeads {
  HeadScores previous;  // to the token before, over queries from 2 on (at 1 that is the first)
  HeadScores first;     // to the first token, over queries from 1 on
  HeadScores object;    // from the last token to the span "object"
};

// Of a trace that holds blocks.*.attn.hook_pattern of every layer. Throws DataError if a prompt is
// not done or lacks the span, UsageError if patterns are missing.
DemoHeads demo_heads(const TraceReader& trace);

}  // namespace headscope
