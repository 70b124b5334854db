#include "lib/base/ranking.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace headscope {

std::vector<std::size_t> ranking(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return !std::isnan(values[a]) && (std::isnan(values[b]) || values[a] > values[b]);
  });
  return order;
}

}  // namespace headscope
