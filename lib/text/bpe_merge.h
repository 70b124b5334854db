// Merging a row of symbols until no merge applies.
#pragma once

#include <vector>

#include "lib/text/merge_table.h"

namespace headscope {

// Replaces the symbols from `begin` on by what the merges make of them: lowest rank first, leftmost
// among equals. O(n log n).
void apply_merges(const MergeTable& merges, std::vector<TokenId>& symbols, std::size_t begin);

}  // namespace headscope
