// How good a circuit is: the model with only its edges, measured.
#pragma once

#include <vector>

#include "analyses/edges/circuit_context.h"
#include "analyses/edges/circuit_graph.h"
#include "analyses/edges/step_log.h"

namespace headscope {

// The shares of all edges (or nodes) at which curves are taken: the MIB benchmark's.
const std::vector<double>& curve_shares();

struct Interval {
  double value = 0.0;
  double low = 0.0;  // 95 %, percentile bootstrap over items; NaN of one item
  double high = 0.0;
};

// f(k) = (m(C_k) − m(∅)) / (m(N) − m(∅)), m the mean metric: N the clean run, ∅ every edge cut,
// C_k the best k of the ranking, nodes without a way in or out pruned.
struct CurvePoint {
  double share = 0.0;      // p
  std::int64_t size = 0;   // k = ⌊p · all⌋, edges or nodes
  std::int64_t edges = 0;  // that are left after pruning
  Interval faithfulness;   // f
};

struct FaithfulnessCurve {
  RankBy by = RankBy::signed_score;
  std::vector<CurvePoint> points;
  // CPR = Σ (p₊ − p)(f + f₊)/2, CMD the same of |1 − f|: how much of the model small circuits
  // explain, and how far they are from it (Mueller et al. 2025, MIB, arXiv:2504.13151). A circuit
  // that is the model at every size has CPR .999 and CMD 0.
  Interval cpr, cmd;
};

// Without a node, and its edges, of the circuit.
struct NodeLoss {
  std::int64_t writer = 0;
  double loss = 0.0;  // f(C) − f(C ∖ node)
};

struct CircuitEvaluation {
  double full = 0.0;   // m(N)
  double empty = 0.0;  // m(∅)
  std::vector<FaithfulnessCurve> curves;
  // Of the circuit that the graph has chosen.
  std::int64_t edges = 0;
  Interval faithfulness;
  // f of the model without the circuit's edges: near 0 if the circuit is all there is (Wang et al.
  // 2022, arXiv:2211.00593, section 4: completeness, with the whole circuit taken away).
  Interval complement;
  // Completeness with random halves K of the circuit's nodes taken out of both: the mean of
  // |f(C ∖ K) − f(N ∖ K)|.
  double incompleteness = 0.0;
  std::vector<NodeLoss> minimality;  // of nodes taken out one by one, the smallest loss first
};

struct EvaluateOptions {
  std::uint64_t seed = 0;
  std::int64_t subsets = 5;      // K of incompleteness
  std::int64_t minimality = 20;  // nodes taken out one by one; of more, so many are drawn
  std::int64_t resamples = 1000;
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};  // items
  std::function<bool()> stop = {};
  StepLog* log = nullptr;  // of batches of items that are finished
};

// Throws UsageError if the metric of N and ∅ is too close for a quotient; Interrupted if `stop`
// ended it.
CircuitEvaluation evaluate_circuit(const CircuitContext& context,
                                   const CircuitGraph& graph,
                                   const EvaluateOptions& options);

}  // namespace headscope
