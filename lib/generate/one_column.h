// A batch of one more token of every row.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/model/batch.h"

namespace headscope {

inline Batch columns_of(const std::vector<std::int32_t>& input) {
  std::vector<std::vector<std::int32_t>> columns;
  for (const std::int32_t token : input) {
    columns.push_back({token});
  }
  return Batch(columns);
}

}  // namespace headscope
