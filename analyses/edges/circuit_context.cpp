#include "analyses/edges/circuit_context.h"

#include <array>
#include <utility>

#include "lib/base/error.h"
#include "lib/model/memory_need.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::array<std::pair<CircuitAblation, std::string_view>, 3> kAblations{
    {{CircuitAblation::corrupted, "corrupted"},
     {CircuitAblation::mean, "mean"},
     {CircuitAblation::zero, "zero"}}};

Written mean_written(const Model& model, const Task& task) {
  Written mean;
  const double share = 1.0 / static_cast<double>(task.items.size());
  for (const PromptBatch& batch : prompt_batches(task.items, kTokensAtOnce)) {
    add_mean(mean, written_by(model, batch.clean), batch.layout(), share);
  }
  return mean;
}

}  // namespace

std::string_view to_string(CircuitAblation ablation) {
  return kAblations[static_cast<std::size_t>(ablation)].second;
}

CircuitAblation parse_circuit_ablation(std::string_view text) {
  for (const auto& [ablation, name] : kAblations) {
    if (name == text) {
      return ablation;
    }
  }
  throw UsageError("--ablation {}: there are corrupted, mean and zero", text);
}

CircuitContext::CircuitContext(
    const Model& of, const Task& by, const Metric& metric, CircuitAblation with, std::int64_t bytes)
    : model(of),
      task(by),
      graph(graph_shape(of.config())),
      scoring(metric, by.items, of),
      ablation(with),
      memory(bytes) {
  if (ablation == CircuitAblation::mean) {
    anywhere_ = mean_written(model, task);
  } else if (ablation == CircuitAblation::zero) {
    anywhere_ = nothing_written(model);
  }
}

CircuitContext::CircuitContext(const CircuitContext& of, const Task& by)
    : model(of.model),
      task(by),
      graph(of.graph),
      scoring(of.scoring.metric(), by.items, of.model),
      ablation(of.ablation),
      memory(of.memory),
      anywhere_(of.anywhere_) {}

Written CircuitContext::ablated(const PromptBatch& batch) const {
  return ablation == CircuitAblation::corrupted ? written_by(model, batch.corrupted) : anywhere_;
}

Tensor first_stream(const Model& model, const Batch& batch) {
  return model.forward(batch, {.logits = Logits::none, .to_layer = 0}).residual;
}

Resume repeated_rows(const BatchLayout& layout, const Tensor& stream, std::int64_t times) {
  Resume from{layout, stream.repeat({times, 1, 1})};
  from.layout.rows *= times;
  from.layout.pads.clear();
  for (std::int64_t i = 0; i < times; ++i) {
    from.layout.pads.insert(from.layout.pads.end(), layout.pads.begin(), layout.pads.end());
  }
  return from;
}

}  // namespace headscope
