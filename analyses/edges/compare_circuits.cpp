#include "analyses/edges/compare_circuits.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "analyses/attribution/agreement.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

SetOverlap set_overlap(const std::vector<bool>& first, const std::vector<bool>& second) {
  SetOverlap overlap;
  for (std::size_t i = 0; i < first.size(); ++i) {
    overlap.first += first[i] ? 1 : 0;
    overlap.second += second[i] ? 1 : 0;
    overlap.both += first[i] && second[i] ? 1 : 0;
  }
  return overlap;
}

}  // namespace

double SetOverlap::jaccard() const {
  const std::size_t all = first + second - both;
  return all == 0 ? 1.0 : static_cast<double>(both) / static_cast<double>(all);
}

CircuitOverlap overlap_of_graphs(const CircuitGraph& first, const CircuitGraph& second) {
  if (first.graph.shape() != second.graph.shape()) {
    throw DataError(
        "the graphs are of models of different shapes: {} layers of {} heads, and {} "
        "of {}",
        first.graph.shape().n_layers,
        first.graph.shape().n_heads,
        second.graph.shape().n_layers,
        second.graph.shape().n_heads);
  }
  CircuitOverlap overlap{.edges = set_overlap(first.edges, second.edges),
                         .nodes = set_overlap(nodes_of(first.graph, first.edges),
                                              nodes_of(second.graph, second.edges)),
                         .shared = {},
                         .pearson = {},
                         .spearman = {}};
  for (std::size_t edge = 0; edge < first.edges.size(); ++edge) {
    if (first.edges[edge] && second.edges[edge]) {
      overlap.shared.push_back(static_cast<std::int64_t>(edge));
    }
  }
  if (first.level == second.level) {
    overlap.pearson = pearson(first.scores, second.scores);
    overlap.spearman = pearson(ranks(first.scores), ranks(second.scores));
  }
  return overlap;
}

double mean_pairwise_jaccard(const std::vector<std::vector<std::int64_t>>& circuits) {
  double sum = 0.0;
  double pairs = 0.0;
  std::vector<std::int64_t> both;
  for (std::size_t a = 0; a < circuits.size(); ++a) {
    for (std::size_t b = a + 1; b < circuits.size(); ++b) {
      both.clear();
      std::set_intersection(circuits[a].begin(),
                            circuits[a].end(),
                            circuits[b].begin(),
                            circuits[b].end(),
                            std::back_inserter(both));
      sum += SetOverlap{circuits[a].size(), circuits[b].size(), both.size()}.jaccard();
      pairs += 1.0;
    }
  }
  return pairs == 0.0 ? std::numeric_limits<double>::quiet_NaN() : sum / pairs;
}

}  // namespace headscope
