// Discrete-code circuits from a request to a document: what heads write is computed or read once,
// then one autoencoder a seed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "analyses/discrete_codes/code_circuit.h"
#include "analyses/discrete_codes/head_features.h"
#include "analyses/metric/summary.h"

namespace headscope {

struct CodeCircuitRequest {
  CodeCircuitOptions options{};
  OverPositions over = OverPositions::mean;
  std::int64_t seeds = 1;  // circuits, from options.sae.seed on
  // Heads known to be of the circuit, which rankings are judged by; empty: nothing is judged.
  std::vector<HeadId> known{};
  const StoredRun* clean = nullptr;  // traces in place of forward passes
  const StoredRun* corrupted = nullptr;
  std::int64_t batch_tokens = 2048;
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};
  std::function<bool()> stop = {};
};

struct CodeCircuits {
  std::vector<CodeCircuit> circuits;  // one a seed
  HeadScores nodes;                   // means over seeds
  HeadScores edge_nodes;
  std::vector<double> node_auc;  // one a seed; empty without known heads
  std::vector<double> edge_auc;
};

// Clean prompts have the property, corrupted ones do not. Throws UsageError for a known head that
// the model lacks, or where all its heads or none are known, and what code_circuit() throws.
CodeCircuits code_circuits(const Model& model,
                           const std::vector<TaskItem>& items,
                           const CodeCircuitRequest& request);

// Scores of every head by name, the best `edges` pairs, what was judged. NaN is null.
OrderedJson to_json(const CodeCircuits& found, std::size_t edges);

}  // namespace headscope
