#include "analyses/head_lists/head_list.h"

#include <algorithm>

#include "lib/base/error.h"

namespace headscope {

std::string_view to_string(HeadSpace space) {
  return space == HeadSpace::query ? "query heads" : "KV heads";
}

std::string shape_of(const HeadList& list) {
  const HeadGrid& grid = list.scores.grid;
  return fmt::format("{}×{} {}", grid.n_layers, grid.n_heads, to_string(list.space));
}

HeadList reduced_to_kv(const HeadList& list, std::int64_t kv_heads) {
  const HeadGrid& grid = list.scores.grid;
  if (list.space == HeadSpace::kv || kv_heads < 1 || grid.n_heads % kv_heads != 0) {
    throw UsageError(
        "{} has {}: they do not go into {} KV heads", list.path, shape_of(list), kv_heads);
  }
  const std::int64_t group = grid.n_heads / kv_heads;
  HeadList reduced = list;
  reduced.space = HeadSpace::kv;
  reduced.scores = HeadScores({grid.n_layers, kv_heads}, std::vector<double>());
  reduced.active = {};
  const std::vector<double>& all = list.scores.values;
  for (auto first = all.begin(); first != all.end(); first += group) {
    reduced.scores.values.push_back(*std::max_element(first, first + group));
  }
  return reduced;
}

}  // namespace headscope
