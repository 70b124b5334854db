// The circuit that a model is known to have, and how well a graph's ranking finds it. Free of
// Torch.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "analyses/edges/circuit_graph.h"

namespace headscope {

// truth.json of a model whose circuit is known (headscope model make): {"format":
// "headscope-truth", "version": 1, "model", "task", "nodes": ["input", "a0.h1", …], "edges":
// ["a0.h1->a1.h0<k>", …], "not_found_by": {method: why}}.
struct CircuitTruth {
  std::string model;
  std::vector<bool> nodes;  // [n_writers]
  EdgeSet edges;
  // Needed, but the same in clean and corrupted runs: neither found nor missed (the file's
  // "constant_edges", none where it has no such list).
  EdgeSet constant;
  std::map<std::string, std::string> not_found_by;
};

// Throws DataError for another file, for a node or edge that is none of the graph's model, and for
// a truth of no edges or of all, or with edges that it calls constant too.
CircuitTruth read_truth(const std::filesystem::path& path, const EdgeGraph& graph);

struct RocPoint {
  double false_positives =
      0.0;  // of all that is not of the circuit, the share that is taken for it
  double true_positives = 0.0;
};

// Of one ranking. The curve has a point for every score, from (0, 0) to (1, 1); what scores the
// same is taken together.
struct Roc {
  std::size_t positives = 0;
  std::size_t all = 0;
  std::vector<RocPoint> points;
  // trapezoid: the area under it, the chance that a true edge scores above another, ties half.
  // staircase: only corners count, Σ (1 − fpr₊)(tpr₊ − tpr) (Conmy et al. 2023's pessimistic
  // area): smaller where scores tie. best: the largest tpr − fpr, and the edges taken there.
  double trapezoid = 0.0;
  double staircase = 0.0;
  double best = 0.0;
  std::size_t best_size = 0;
};
Roc roc_of(const std::vector<double>& scores, const std::vector<bool>& truth);

// The places of `values` that are not in `skipped`.
template <typename T>
std::vector<T> without(const std::vector<T>& values, const std::vector<bool>& skipped) {
  std::vector<T> left;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!skipped[i]) {
      left.push_back(values[i]);
    }
  }
  return left;
}

// MIB's convention: a point for every size in curve_shares(), the circuit chosen greedily from the
// logits and pruned; trapezoid over the false positive rate divided by its last value. NaN where
// that is 0. Edges of `constant` may be chosen and count as neither.
double roc_by_sizes(const CircuitGraph& graph, const EdgeSet& truth, const EdgeSet& constant);

// A node's score, of a graph of edges: the largest of its edges', of either end, by absolute value.
std::vector<double> best_edge_of_nodes(const CircuitGraph& graph);

}  // namespace headscope
