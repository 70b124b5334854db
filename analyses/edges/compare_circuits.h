// How far two circuits, or many, are the same. Free of Torch.
#pragma once

#include "analyses/edges/circuit_graph.h"

namespace headscope {

struct SetOverlap {
  std::size_t first = 0;
  std::size_t second = 0;
  std::size_t both = 0;
  [[nodiscard]] double jaccard() const;  // both / union; 1 for two empty ones
};

struct CircuitOverlap {
  SetOverlap edges;  // of the circuits the graphs have chosen
  SetOverlap nodes;
  std::vector<std::int64_t> shared;  // edges
  // Of all scores, where both graphs have scores of one level.
  std::optional<double> pearson, spearman;
};

// Throws DataError for graphs of models of different shapes.
CircuitOverlap overlap_of_graphs(const CircuitGraph& first, const CircuitGraph& second);

// The mean of Jaccard's index over all pairs of circuits, each a sorted list of its edges. NaN for
// fewer than two.
double mean_pairwise_jaccard(const std::vector<std::vector<std::int64_t>>& circuits);

}  // namespace headscope
