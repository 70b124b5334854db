// Numbers in order of size.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace headscope {

// Places of `values`, the largest first; equal values in the order they stand, NaN last.
std::vector<std::size_t> ranking(std::span<const double> values);

}  // namespace headscope
