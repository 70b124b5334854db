// How much a sweep takes, so that batches are as large as memory allows and no larger.
#pragma once

#include <cstdint>

#include "lib/model/model.h"

namespace headscope {

struct SweepShape {
  std::int64_t columns = 0;     // T of the longest prompt
  std::int64_t running = 0;     // columns that run again
  std::int64_t logits = 0;      // wanted a row
  bool keeps_patterns = false;  // the site is the pattern: [head, T, T] a layer
};

// Bytes, from above, of one row of a continuation: streams, queries, keys and values with the
// prefix, the widest of the MLP's values, logits.
std::int64_t bytes_of_row(const Model& model, const SweepShape& shape);

// Bytes of what is kept of both runs of one prompt.
std::int64_t bytes_of_prompt(const Model& model, const SweepShape& shape);

struct SweepPlan {
  std::int64_t batch_tokens = 0;  // prompts kept at once
  std::int64_t batch_rows = 0;    // rows in one batch
  // In one batch of the unchanged runs. The same wherever memory is not scarce, so that shards
  // made on different machines have the same baselines, to the last bit.
  std::int64_t baseline_tokens = 0;
};

// Tokens of the batches that the unchanged runs of prompts of `columns` tokens come in: always the
// same number, unless `memory` holds fewer.
std::int64_t baseline_tokens(const Model& model, std::int64_t columns, std::int64_t memory);

// Throws ResourceError naming what one cell of the longest prompt needs if that is more than
// `memory`.
SweepPlan plan_sweep(const Model& model, const SweepShape& shape, std::int64_t memory);

}  // namespace headscope
