// Does the circuit do what the model does? Every head outside it, or inside, is mean-ablated.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "analyses/ablation/ablation.h"
#include "analyses/circuit/head_circuit.h"
#include "analyses/sweep/baselines.h"

namespace headscope {

// What keeps its own output; the rest of the heads (at the rest of the tokens) put out their mean
// over the corrupted runs of the item's template and length, token by token. MLPs are untouched
// (Wang et al. 2022, arXiv:2211.00593, section 4).
enum class Kept { model, circuit, complement, nothing };

struct FaithfulnessResult {
  // The metric of every item: F(M), F(C), F(M \ C), F(∅).
  std::vector<double> model, circuit, complement, nothing;
};

// F(C) / F(M), of means. Nothing if F(M) is not above zero by twice its standard error: a quotient
// by noise, or of a model that does the opposite.
std::optional<double> faithfulness(const FaithfulnessResult& result);
std::optional<double> share_of(const std::vector<double>& part, const std::vector<double>& whole);

// (F(C) − F(∅)) / (F(M) − F(∅)). Nothing where F(M) and F(∅) hardly differ.
std::optional<double> faithfulness_above_nothing(const FaithfulnessResult& result);

class CircuitEvaluator {
 public:
  // Runs every prompt once, every corrupted one for the means. Throws as GroupMean does:
  // every template and length needs two items (with_partners() leaves out the others).
  CircuitEvaluator(const Model& model, const Task& task, const Metric& metric);

  [[nodiscard]] std::vector<double> metric_with(const HeadCircuit& circuit, Kept kept) const;
  [[nodiscard]] FaithfulnessResult run(const HeadCircuit& circuit) const;

 private:
  [[nodiscard]] std::vector<double> ablated(const HeadCircuit& circuit, Kept kept) const;

  const Model& model_;
  const Task& task_;
  Scoring scoring_;
  GroupMean mean_;
  std::vector<PromptBatch> batches_;
  std::vector<double> unchanged_;  // F(M) of every item
  std::vector<Tensor> clean_;      // logits of each batch, for metrics that ask; else undefined
};

// The items whose template and length another item has too.
Task with_partners(Task task);

// A circuit of the same shape, its heads drawn from those outside `circuit`.
HeadCircuit random_circuit(const HeadCircuit& circuit,
                           const ModelConfig& config,
                           std::uint64_t seed);

}  // namespace headscope
