// How much a sweep takes, so that batches are as large as memory allows and no larger.
#pragma once

#include <cstdint>

#include "lib/base/json_fwd.h"
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

// How prompts and rows are put into batches. Sums round by what runs together, so a sweep that is
// gone on with keeps the batches that it was begun in.
struct SweepPlan {
  std::int64_t batch_tokens = 0;  // prompts kept at once
  std::int64_t batch_rows = 0;    // rows in one batch; 0 where a method has none
  // In one batch of the unchanged runs. The same wherever memory is not scarce, so that shards
  // made on different machines have the same baselines, to the last bit.
  std::int64_t baseline_tokens = 0;
  bool operator==(const SweepPlan&) const = default;
};

// {"batch_tokens": …, "batch_rows": …, "baseline_tokens": …}: "batches" of a result's provenance.
inline constexpr const char* kBatchesOfFile = "batches";
nlohmann::json plan_json(const SweepPlan& plan);

// Throws DataError for what plan_json() does not make.
SweepPlan plan_from(const nlohmann::json& json);

// Tokens of the batches that the unchanged runs of prompts of `columns` tokens come in: always the
// same number, unless `memory` holds fewer.
std::int64_t baseline_tokens(const Model& model, std::int64_t columns, std::int64_t memory);

// Throws ResourceError naming what one cell of the longest prompt needs if that is more than
// `memory`.
SweepPlan plan_sweep(const Model& model, const SweepShape& shape, std::int64_t memory);

// Throws ResourceError if a sweep in these batches takes more than `memory`.
void check_plan(const Model& model,
                const SweepShape& shape,
                const SweepPlan& plan,
                std::int64_t memory);

// The ResourceError of a sweep that is gone on with.
[[noreturn]] void refuse_batches(std::int64_t need, std::int64_t memory);

}  // namespace headscope
