// The estimates of one batch of prompts.
#pragma once

#include <vector>

#include "analyses/attribution/attribution.h"
#include "analyses/attribution/terms.h"
#include "analyses/sweep/baselines.h"
#include "analyses/sweep/swept_columns.h"
#include "lib/model/gradients.h"

namespace headscope {

struct AttributionContext {
  const Model& model;
  const Task& task;
  const SweepSpec& spec;
  const AttributionOptions& attribution;
  const Grid& grid;
  const Scoring& scoring;
  const Baselines& baselines;
};

class BatchAttribution final : public GradientTap {
 public:
  BatchAttribution(const AttributionContext& context, const PromptBatch& batch);

  // Every cell of every prompt of the batch.
  std::vector<ResultStore::Value> run();

  [[nodiscard]] bool wants(HookPoint point) const override { return point.site == followed_; }
  void visit(const Visit& visit, const Tensor& value, const Tensor& gradient) override;

 private:
  std::vector<ResultStore::Value> run_stored();
  [[nodiscard]] std::int64_t steps() const;
  [[nodiscard]] Resume start_of(const Batch& batch) const;
  [[nodiscard]] Resume between() const;  // the runs whose gradients are taken
  [[nodiscard]] Tensor objective(const Tensor& logits) const;
  [[nodiscard]] LayerRun own_run(int layer) const;
  void keep(int layer, const Tensor& effects);

  const AttributionContext& context_;
  const PromptBatch& batch_;
  std::vector<std::int64_t> positions_;  // of each group
  LayerCells cells_;
  Site followed_;            // whose gradient is wanted
  std::vector<Tensor> own_;  // the streams of the run that is changed; empty for atp
  std::vector<Tensor> source_;
  Tensor own_start_, source_start_;
  Tensor clean_;  // logits, for metrics that ask
  std::vector<ResultStore::Value> values_;
};

}  // namespace headscope
