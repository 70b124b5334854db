// Prompts of a task that run together.
#pragma once

#include <cstdint>
#include <vector>

#include "analyses/task/task.h"
#include "lib/base/run.h"
#include "lib/model/batch.h"

namespace headscope {

struct PromptBatch {
  std::vector<std::int64_t> items;  // of the task, one a row
  Batch clean;
  Batch corrupted;  // the same layout
  // The first column in which the two prompts of any row differ: before it both runs are the same.
  std::int64_t first_difference = 0;

  [[nodiscard]] const Batch& of(Run run) const { return run == Run::clean ? clean : corrupted; }
  [[nodiscard]] const BatchLayout& layout() const { return clean.layout(); }
  [[nodiscard]] std::int64_t rows() const { return layout().rows; }
  [[nodiscard]] std::int64_t columns() const { return layout().columns; }
};

// Every item once, prompts of like length together, at most `most_tokens` in one batch (one prompt
// at the least). Lengths mix, padded, only where padding stays under a quarter.
std::vector<PromptBatch> prompt_batches(const std::vector<TaskItem>& items,
                                        std::int64_t most_tokens);

}  // namespace headscope
