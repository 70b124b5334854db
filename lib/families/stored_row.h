// In which order a file holds the rows of a matrix.
#pragma once

#include <cstdint>

#include "lib/families/parameters.h"
#include "lib/families/rules.h"

namespace headscope {

// True of layouts that hold whole rows of ours, in another order.
bool reorders_rows(Layout layout);

// Which stored row is our row `row` of the parameter; itself where rows keep their order.
std::int64_t stored_row(std::int64_t row, Layout layout, const Parameter& parameter);

}  // namespace headscope
