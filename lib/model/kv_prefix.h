// Keys and values of columns that a pass does not run again because nothing in them changed.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/tensor/tensor.h"

namespace headscope {

// Of a run that is over; many rows of a later pass may go on from the same one.
struct KvPrefix {
  struct Entry {
    Tensor k;  // [rows, ≥ columns, n_kv_heads, d_head], rotated
    Tensor v;
  };
  std::vector<Entry> layers;
  std::int64_t columns = 0;  // of each entry, how many are the prefix
  Tensor row;                // [B] int64: which of the rows each row goes on from

  // The prefix and then the pass's own, [B, columns + T, n_kv_heads, d_head].
  [[nodiscard]] Entry join(std::int64_t layer, const Tensor& k, const Tensor& v) const;
};

}  // namespace headscope
