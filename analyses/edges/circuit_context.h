// What a search for circuits and their evaluation are told, and what replaces a writer that is no
// part of the circuit.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "analyses/edges/written.h"
#include "analyses/sweep/prompt_batch.h"
#include "analyses/sweep/scoring.h"
#include "analyses/task/task.h"

namespace headscope {

// What a reader gets of a writer whose edge is cut.
enum class CircuitAblation {
  corrupted,  // what it writes in the item's corrupted run
  mean,       // the mean of what it writes in the clean runs, over tokens and then over items
  zero        // nothing
};
std::string_view to_string(CircuitAblation ablation);
CircuitAblation parse_circuit_ablation(std::string_view text);  // UsageError naming the three

class CircuitContext {
 public:
  // `model` has keys and values of its own for every query head (lib/model/ungrouped.h) and
  // outlives this, as `task` does. `memory`: bytes that may be taken beside the weights. Runs the
  // clean prompts once for the mean. Throws UsageError for a metric that does not fit the task.
  CircuitContext(const Model& model,
                 const Task& task,
                 const Metric& metric,
                 CircuitAblation ablation,
                 std::int64_t memory);

  // The same of other items, `task`: what replaces writers wherever they are (mean, zero) is that
  // of `of`.
  CircuitContext(const CircuitContext& of, const Task& task);

  // 1 of a metric of which more is better, −1 of one that compares with the clean run (kl): scores
  // are what is lost of `direction()` times the metric.
  [[nodiscard]] double direction() const { return scoring.metric().needs_clean ? -1.0 : 1.0; }

  // What replaces the writers of a batch's clean runs where they are cut off.
  [[nodiscard]] Written ablated(const PromptBatch& batch) const;

  const Model& model;
  const Task& task;
  const EdgeGraph graph;
  const Scoring scoring;
  const CircuitAblation ablation;
  const std::int64_t memory;

 private:
  Written anywhere_;  // mean or zero
};

// The stream entering the first block.
Tensor first_stream(const Model& model, const Batch& batch);

// An item's tokens, `times` one after the other: rows run by run.
Resume repeated_rows(const BatchLayout& layout, const Tensor& stream, std::int64_t times);

}  // namespace headscope
