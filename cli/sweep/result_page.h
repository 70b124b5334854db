// Results as a page: a map that answers the pointer, its cells in a table, and, of two sweeps of
// one task, one drawn against the other. Self-contained and offline; the address says what is
// shown.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "analyses/results/result_store.h"

namespace headscope {

// The page of `results`, the first of which gives the title and the table. `viewer`: the file name
// of a viewer page beside this one, which a head's cell then links to; "" for none.
std::string result_page(const std::vector<Result>& results, const std::string& viewer);

}  // namespace headscope
