// Which columns of a batch each cell changes.
#pragma once

#include <vector>

#include "analyses/sweep/sweep.h"

namespace headscope {

struct ColumnGroup {  // cells that change the same columns
  std::int64_t pos = -1;
  Tensor changed;          // [B, T] bool on the CPU
  std::int64_t first = 0;  // the first column that can differ and matters; at most T − 1
};

struct SweptColumns {
  std::vector<ColumnGroup> groups;
  std::int64_t kept_from = 0;  // the first column of any group
};

// Columns before the first change are left out only of a causal model: in another one every column
// sees the change.
SweptColumns swept_columns(const SweepSpec& spec,
                           const ModelConfig& config,
                           const PromptBatch& batch,
                           const std::vector<TaskItem>& items);

}  // namespace headscope
