// Parts of KV caches: the beginning of one, and several side by side.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/model/model.h"

namespace headscope {

// A cache of the first `columns` of `from`, to go on with by itself.
KvCache beginning_of(const Model& model, KvCache& from, std::int64_t columns);

// The prompts that `caches` hold, a row each, as the rows of one cache left-padded to the longest,
// with room for `room` more columns. Each holds one row without padding.
struct CacheRows {
  KvCache cache;
  BatchLayout layout;  // of what is cached: rewound(rows) goes back to it
};
CacheRows side_by_side(const Model& model, std::vector<KvCache>& caches, std::int64_t room);

// Forgets what was decoded on top.
void rewind(CacheRows& rows);

}  // namespace headscope
