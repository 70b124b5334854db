#include "lib/families/alibi.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace headscope {
namespace {

void add_series(std::vector<double>& slopes,
                std::int64_t of,
                std::int64_t step,
                std::int64_t count) {
  const auto base = static_cast<float>(std::pow(2.0, -8.0 / static_cast<double>(of)));
  for (std::int64_t i = 0; i < count; ++i) {
    slopes.push_back(static_cast<double>(std::pow(base, static_cast<float>(1 + i * step))));
  }
}

}  // namespace

std::vector<double> alibi_slopes(std::int64_t n_heads) {
  constexpr std::uint64_t kMostHeads = 1 << 20;  // what is beyond is refused by check()
  const std::uint64_t heads =
      std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(1, n_heads)), kMostHeads);
  const auto whole = static_cast<std::int64_t>(std::bit_floor(heads));
  std::vector<double> slopes;
  add_series(slopes, whole, 1, whole);
  add_series(slopes, 2 * whole, 2, static_cast<std::int64_t>(heads) - whole);
  return slopes;
}

}  // namespace headscope
