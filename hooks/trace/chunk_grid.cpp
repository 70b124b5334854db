#include "hooks/trace/chunk_grid.h"

#include <algorithm>

namespace headscope {

void for_each_chunk(const Region& region,
                    const Sizes& chunk,
                    const std::function<void(const Sizes&, const Region&)>& visit) {
  const std::size_t rank = chunk.size();
  Sizes end(rank);
  Region cells{{}, Sizes(rank), Sizes(rank)};
  for (std::size_t axis = 0; axis < rank; ++axis) {
    end[axis] = region.begin[axis] + region.count[axis];
    cells.begin[axis] = region.begin[axis] / chunk[axis];
    cells.count[axis] = (end[axis] + chunk[axis] - 1) / chunk[axis] - cells.begin[axis];
  }
  const std::int64_t total = product(cells.count);
  for (std::int64_t cell = 0; cell < total; ++cell) {
    Sizes begin(rank);
    Region box{region.dims, Sizes(rank), Sizes(rank)};
    std::int64_t rest = cell;
    for (std::size_t axis = rank; axis-- > 0;) {
      begin[axis] = (cells.begin[axis] + rest % cells.count[axis]) * chunk[axis];
      rest /= cells.count[axis];
      box.begin[axis] = std::max(begin[axis], region.begin[axis]);
      box.count[axis] = std::min(begin[axis] + chunk[axis], end[axis]) - box.begin[axis];
    }
    visit(begin, box);
  }
}

}  // namespace headscope
