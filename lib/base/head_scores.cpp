#include "lib/base/head_scores.h"

#include <algorithm>

#include "lib/base/ranking.h"

namespace headscope {

std::vector<HeadId> ranked_heads(const HeadScores& scores) {
  std::vector<HeadId> order;
  order.reserve(scores.size());
  for (const std::size_t index : ranking(scores.values)) {
    order.push_back(scores.grid.head_at(index));
  }
  return order;
}

std::vector<HeadId> top_heads(const HeadScores& scores, std::size_t count) {
  std::vector<HeadId> order = ranked_heads(scores);
  order.resize(std::min(count, order.size()));
  return order;
}

bool top_cuts_a_tie(const HeadScores& scores, std::size_t count) {
  const std::vector<HeadId> order = ranked_heads(scores);
  return count > 0 && count < order.size() && scores[order[count]] == scores[order[count - 1]];
}

}  // namespace headscope
