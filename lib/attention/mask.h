// Which keys a query does not see.
#pragma once

#include <cstdint>

#include "lib/attention/spec.h"
#include "lib/tensor/tensor.h"

namespace headscope {

// A rectangle of queries and keys: query i is column first_query + i, key j is column j.
struct QueryKeys {
  std::int64_t first_query = 0;
  std::int64_t queries = 0;
  std::int64_t keys = 0;
};

// True where a query must not see a key: [B or 1, 1, queries, keys] bool on `device`. `pads` [B]
// int64: columns of padding at the left of each row; undefined: none. A padding query sees itself
// alone, so that no row is empty and no NaN is born.
Tensor hidden_keys(const QueryKeys& columns,
                   const Tensor& pads,
                   const AttentionSpec& spec,
                   const at::Device& device);

// The same of queries in the columns that `query` [queries] int64 tells, on its device.
Tensor hidden_keys(const Tensor& query,
                   std::int64_t keys,
                   const Tensor& pads,
                   const AttentionSpec& spec);

}  // namespace headscope
