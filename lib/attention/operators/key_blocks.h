// Blocks of keys, counted from a prompt's first token, and a query's choice among them.
#pragma once

#include <cstdint>

#include "lib/attention/head_operator.h"

namespace headscope {

struct BlockChoice {
  std::int64_t block = 64;  // keys a block
  std::int64_t keep = 1;    // blocks a query, those that it always sees counted
  // Beside the block that the query lies in: the first `first` blocks and the `before` ones before
  // its own are always seen.
  std::int64_t first = 0;
  std::int64_t before = 0;
};

// A block is represented by the mean of the scores of its keys (the score of their mean, where
// scores are products), or the highest of them.
enum class BlockScore { mean, highest };

// The keys of the chosen blocks [B, h, T, S] bool: those always seen, then the blocks of the best
// score, `keep` in all.
Tensor keys_of_blocks(const OperatorInputs& in,
                      const Tensor& scores,
                      const BlockChoice& choice,
                      BlockScore by);

}  // namespace headscope
