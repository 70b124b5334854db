#include "analyses/head_lists/head_list.h"

#include <algorithm>

#include "lib/base/error.h"

namespace headscope {

std::string_view to_string(HeadSpace space) {
  return space == HeadSpace::query ? "query heads" : "KV heads";
}

std::vector<ListedHead> HeadList::ranked() const {
  std::vector<ListedHead> order;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const auto place = static_cast<std::int64_t>(i);
    order.push_back({place / heads, place % heads, scores[i]});
  }
  std::stable_sort(order.begin(), order.end(), [](const ListedHead& a, const ListedHead& b) {
    return a.score > b.score;
  });
  return order;
}

std::string shape_of(const HeadList& list) {
  return fmt::format("{}×{} {}", list.layers, list.heads, to_string(list.space));
}

HeadList reduced_to_kv(const HeadList& list, std::int64_t kv_heads) {
  if (list.space == HeadSpace::kv || kv_heads < 1 || list.heads % kv_heads != 0) {
    throw UsageError(
        "{} has {}: they do not go into {} KV heads", list.path, shape_of(list), kv_heads);
  }
  const std::int64_t group = list.heads / kv_heads;
  HeadList reduced = list;
  reduced.space = HeadSpace::kv;
  reduced.heads = kv_heads;
  reduced.scores.clear();
  reduced.active.clear();
  for (auto first = list.scores.begin(); first != list.scores.end(); first += group) {
    reduced.scores.push_back(*std::max_element(first, first + group));
  }
  return reduced;
}

}  // namespace headscope
