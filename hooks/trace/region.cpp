#include "hooks/trace/region.h"

#include <algorithm>
#include <cstring>

namespace headscope {
namespace {

// Steps `index` to the next one below `count` in its first `rank` axes; false after the last.
bool step(Sizes& index, const Sizes& count, std::size_t rank) {
  for (std::size_t axis = rank; axis-- > 0;) {
    if (++index[axis] < count[axis]) {
      return true;
    }
    index[axis] = 0;
  }
  return false;
}

std::int64_t offset_of(const Sizes& dims, const Sizes& begin, const Sizes& index) {
  std::int64_t offset = 0;
  for (std::size_t axis = 0; axis < dims.size(); ++axis) {
    offset = offset * dims[axis] + begin[axis] + index[axis];
  }
  return offset;
}

}  // namespace

std::int64_t product(const Sizes& sizes) {
  std::int64_t result = 1;
  for (const std::int64_t size : sizes) {
    result *= size;
  }
  return result;
}

void for_each_run(const Region& region,
                  const std::function<void(std::int64_t, std::int64_t)>& run) {
  const std::size_t rank = region.dims.size();
  if (product(region.count) == 0) {
    return;
  }
  std::size_t outer = rank;  // axes before this one are stepped, this one and the rest are a piece
  std::int64_t length = 1;
  while (outer > 0) {
    --outer;
    length *= region.count[outer];
    if (region.count[outer] != region.dims[outer]) {
      break;
    }
  }
  Sizes index(rank, 0);
  do {
    run(offset_of(region.dims, region.begin, index), length);
  } while (step(index, region.count, outer));
}

void copy_box(const std::uint8_t* from,
              const Corner& source,
              std::uint8_t* to,
              const Corner& target,
              const Sizes& count,
              std::size_t size) {
  const std::size_t rank = count.size();
  if (rank == 0) {
    std::memcpy(to, from, size);
    return;
  }
  if (product(count) == 0) {
    return;
  }
  const std::size_t row = static_cast<std::size_t>(count.back()) * size;
  Sizes index(rank, 0);
  do {
    std::memcpy(to + static_cast<std::size_t>(offset_of(target.dims, target.begin, index)) * size,
                from + static_cast<std::size_t>(offset_of(source.dims, source.begin, index)) * size,
                row);
  } while (step(index, count, rank - 1));
}

}  // namespace headscope
