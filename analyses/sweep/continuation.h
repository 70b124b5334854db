// From changed residual streams to logits, without running again what did not change: layers before
// the change, and columns before the first difference, whose keys and values are kept.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "analyses/sweep/row_runner.h"
#include "lib/model/model.h"

namespace headscope {

// What columns before `columns` left in a run that kept attention_k_site() and v. `row` is not set.
KvPrefix prefix_of(const Model& model, const RunValues& run, std::int64_t columns);

class Continuation final : public RowRunner {
 public:
  // Of a run that kept attention_k_site() and v. `layout` is that of the whole run.
  Continuation(const Model& model,
               const RunValues& run,
               const BatchLayout& layout,
               std::int64_t first_column);

  // One batch that grows from layer to layer.
  [[nodiscard]] std::optional<Tensor> logits(const std::vector<ResidualRows>& entering,
                                             const std::vector<std::int64_t>& vocab,
                                             const std::function<bool()>& stop) const override;

 private:
  [[nodiscard]] ForwardResult resume(const ResidualRows& from, const ForwardOptions& options) const;

  const Model& model_;
  BatchLayout layout_;  // of the whole run
  KvPrefix prefix_;     // row: not set
};

// Everything after the change runs again.
class ContinuationMaker final : public RowRunnerMaker {
 public:
  [[nodiscard]] std::vector<Site> sites(const ModelConfig&) const override { return {}; }
  [[nodiscard]] std::int64_t first_column(const PromptBatch&, std::int64_t first) const override {
    return first;
  }
  [[nodiscard]] bool reaches(Site, std::int64_t) const override { return true; }
  [[nodiscard]] std::unique_ptr<RowRunner> make(const Model& model,
                                                const RunValues& run,
                                                std::int64_t,
                                                const PromptBatch& batch,
                                                std::int64_t first) const override {
    return std::make_unique<Continuation>(model, run, batch.layout(), first);
  }
  [[nodiscard]] Tensor whole_run(const WholeRun& in) const override {
    return in.model.forward(in.changed, in.change, {.logits = Logits::last, .vocab = in.vocab})
        .logits;
  }
  [[nodiscard]] std::vector<Site> sites_of_whole_run() const override { return {}; }
  void check_whole_run(const Model&) const override {}
};

}  // namespace headscope
