#include "analyses/edges/kv_heads.h"

#include <fmt/format.h>

#include "lib/base/error.h"

namespace headscope {

KvHeads::KvHeads(const EdgeGraph& graph, std::int64_t heads_per_kv)
    : graph_(graph), heads_per_kv_(heads_per_kv) {
  if (heads_per_kv <= 1 || graph.shape().n_heads % heads_per_kv != 0) {
    throw UsageError("no query heads of this model share keys and values; leave out --kv-heads");
  }
}

bool KvHeads::is_shared(const Edge& edge) const {
  return edge.input == HeadInput::k || edge.input == HeadInput::v;
}

std::vector<std::int64_t> KvHeads::shared(std::int64_t edge) const {
  Edge each = graph_.edge(edge);
  if (!is_shared(each)) {
    return {edge};
  }
  std::vector<std::int64_t> places;
  const std::int64_t first = each.to.head / heads_per_kv_ * heads_per_kv_;
  for (std::int64_t head = first; head < first + heads_per_kv_; ++head) {
    each.to = Node::of({each.to.layer, head});
    places.push_back(graph_.index(each));
  }
  return places;
}

std::vector<double> KvHeads::added_up(const std::vector<double>& scores) const {
  std::vector<double> sums(scores.size());
  for (std::size_t edge = 0; edge < scores.size(); ++edge) {
    for (const std::int64_t each : shared(static_cast<std::int64_t>(edge))) {
      sums[edge] += scores[static_cast<std::size_t>(each)];
    }
  }
  return sums;
}

std::string KvHeads::name(std::int64_t edge) const {
  const Edge each = graph_.edge(edge);
  return is_shared(each) ? fmt::format("{}->a{}.kv{}<{}>",
                                       graph_name(each.from),
                                       each.to.layer,
                                       each.to.head / heads_per_kv_,
                                       to_string(*each.input))
                         : graph_name(each);
}

}  // namespace headscope
