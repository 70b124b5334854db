#include "analyses/metric/auc.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "lib/base/error.h"

namespace headscope {

double roc_auc(const std::vector<double>& scores, const std::vector<bool>& truth) {
  if (scores.size() != truth.size()) {
    throw UsageError("{} scores, but {} known answers", scores.size(), truth.size());
  }
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (std::isnan(scores[i])) {
      throw UsageError("score {} is NaN: it has no place in a ranking", i);
    }
  }
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return scores[a] < scores[b]; });
  // Mann-Whitney: ranks of what is true, equal scores sharing their mean rank.
  double rank_sum = 0.0;
  double positives = 0.0;
  for (std::size_t first = 0; first < order.size();) {
    std::size_t end = first;
    while (end < order.size() && scores[order[end]] == scores[order[first]]) {
      ++end;
    }
    const double rank = static_cast<double>(first + 1 + end) / 2.0;
    for (; first < end; ++first) {
      if (truth[order[first]]) {
        rank_sum += rank;
        positives += 1.0;
      }
    }
  }
  const double negatives = static_cast<double>(scores.size()) - positives;
  if (positives == 0.0 || negatives == 0.0) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  return (rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives);
}

}  // namespace headscope
