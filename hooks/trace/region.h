// Boxes inside row-major arrays: the ragged part of a prompt, one head, one chunk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace headscope {

using Sizes = std::vector<std::int64_t>;

std::int64_t product(const Sizes& sizes);

// The box [begin, begin + count) of an array of shape `dims`; all three of one rank.
struct Region {
  Sizes dims;
  Sizes begin;
  Sizes count;
};

// Calls run(offset, elements) for the box's contiguous pieces in row-major order; the offset is in
// elements of the array. Trailing axes that are taken whole are merged into one piece.
void for_each_run(const Region& region, const std::function<void(std::int64_t, std::int64_t)>& run);

// Copies a box of `count` elements between two arrays of elements of `size` bytes.
struct Corner {
  Sizes dims;   // of the whole array
  Sizes begin;  // of the box in it
};
void copy_box(const std::uint8_t* from,
              const Corner& source,
              std::uint8_t* to,
              const Corner& target,
              const Sizes& count,
              std::size_t size);

}  // namespace headscope
