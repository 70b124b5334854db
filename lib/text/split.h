// Cutting a piece at delimiters: the five behaviours of Hugging Face's SplitDelimiterBehavior.
#pragma once

#include <string>
#include <vector>

#include "lib/text/pattern.h"

namespace headscope {

enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

// "Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"; else DataError.
SplitBehavior parse_split_behavior(const std::string& name, const std::string& where);

// A stretch of a piece and whether it is a delimiter. Stretches cover the piece in order.
struct Stretch {
  Match span;
  bool delimiter = false;
};

// Appends to `out` what `behavior` makes of the stretches, empty ones dropped.
void split_stretches(const std::vector<Stretch>& stretches,
                     SplitBehavior behavior,
                     std::vector<Match>& out);

}  // namespace headscope
