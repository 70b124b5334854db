// Which columns of a block each cell changes.
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

SweptColumns swept_columns(const SweepSpec& spec,
                           const Block& block,
                           const std::vector<TaskItem>& items);

}  // namespace headscope
