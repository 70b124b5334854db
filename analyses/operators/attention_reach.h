// How far heads look, against the length of the text.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/head_scores.h"
#include "lib/model/model.h"

namespace headscope {

// Means over the queries of the second half of a text of `tokens` tokens.
struct AttentionReach {
  std::int64_t tokens = 0;
  HeadScores distance{};  // Σ p (i − j), tokens
  HeadScores entropy{};   // nats
  HeadScores first{};     // attention to the first token
};

// Of the first `tokens` tokens of `text`, for each length in `lengths`. Statistics alone are
// formed, no map. Throws UsageError for a length below 4, beyond the text or the model's context.
std::vector<AttentionReach> attention_reach(const Model& model,
                                            const std::vector<std::int32_t>& text,
                                            const std::vector<std::int64_t>& lengths);

// How a head's mean distance grows: the slope of ln distance on ln tokens, least squares. 1: it
// looks as far as the text reaches; 0: as far whatever the length. NaN where a distance is 0 or
// there is one length alone.
HeadScores growth_of_distance(const std::vector<AttentionReach>& reach);

}  // namespace headscope
