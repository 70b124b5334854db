// The metric of many circuits of one batch of items.
#pragma once

#include "analyses/edges/circuit_context.h"
#include "analyses/edges/circuit_mask.h"

namespace headscope {

class MaskedRuns {
 public:
  // Runs the clean prompts of the batch once, and those that replace them. Both outlive this.
  MaskedRuns(const CircuitContext& context, const PromptBatch& batch);

  // The metric of each circuit, items as in the batch: [circuits][rows]. Each runs truthfully: what
  // is cut is an edge, and what a node writes in this very run goes on by the edges it has. Every
  // edge: the clean run, to the bit. None: the run that replaces it, to rounding. As many run
  // together as context.memory allows; a circuit starts at the first layer where it lacks an edge.
  std::vector<std::vector<double>> values(const std::vector<EdgeSet>& circuits) const;

  [[nodiscard]] const PromptBatch& batch() const { return batch_; }

 private:
  [[nodiscard]] std::int64_t first_layer(const EdgeSet& circuit) const;
  [[nodiscard]] std::int64_t at_once(std::int64_t first_layer) const;
  void run(const std::vector<EdgeSet>& circuits,
           const std::vector<std::size_t>& together,
           std::int64_t first_layer,
           std::vector<std::vector<double>>& values) const;

  const CircuitContext& context_;
  const PromptBatch& batch_;
  Written clean_, ablated_;
  std::vector<Tensor> streams_;  // of the clean run
  Tensor clean_logits_;          // of the whole vocabulary, for metrics that ask
};

}  // namespace headscope
