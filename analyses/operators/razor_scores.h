// RazorAttention's two scores of a head, of random tokens said several times over (Tang et al.
// 2024, arXiv:2407.15891).
#pragma once

#include <cstdint>

#include "lib/base/head_scores.h"
#include "lib/model/model.h"

namespace headscope {

// Of query heads: the mean over queries behind the first round of the attention that goes to every
// earlier copy of the query's token (echo), and to the tokens that followed them (induction).
struct RazorScores {
  HeadScores echo{};
  HeadScores induction{};
};

struct RazorOptions {
  std::int64_t tokens = 250;  // in a round; 2500 in the paper
  std::int64_t rounds = 4;
  std::uint64_t seed = 0;
};

// Throws UsageError for fewer than two rounds, and for a text that is longer than the context.
RazorScores razor_scores(const Model& model, const RazorOptions& options);

}  // namespace headscope
