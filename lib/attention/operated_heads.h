// Where operators of heads (head_operator.h) meet the forms of attention: each is given what its
// heads alone compare, and what it makes takes the place of theirs.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/attention/attention.h"

namespace headscope {

class HeadOperator;

// Heads that share an operator, in ascending order.
struct OperatedHeads {
  std::vector<std::int64_t> heads;
  const HeadOperator* by = nullptr;
};

// The groups of a spec; without those whose operators change nothing with as few keys as `in` has.
std::vector<OperatedHeads> operated_heads(const AttentionSpec& spec);
std::vector<OperatedHeads> heads_that_change(const AttentionInputs& in);

// True if a head's pattern is not the spec's own normalizer of its scores.
bool operators_normalize(const AttentionSpec& spec);

// What some of the query heads alone compare; each with keys and values of its own, unless they are
// all.
AttentionInputs inputs_of(const AttentionInputs& in, const std::vector<std::int64_t>& heads);

// Scores and pattern [B, n_heads, T, S] of a layer, given those it would have without operators.
Tensor operated_scores(const AttentionInputs& in, const Tensor& plain);
Tensor operated_pattern(const AttentionSpec& spec, const Tensor& scores, const Tensor& plain);

}  // namespace headscope
