// Attribution patching as a request: what a patching sweep would find, estimated from gradients.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analyses/attribution/attribution.h"
#include "analyses/attribution/stored_attribution.h"
#include "analyses/sweep/patch_method.h"

namespace headscope {

class AttributeMethod final : public SweepMethod {
 public:
  [[nodiscard]] std::string kind() const override { return "attribute"; }
  [[nodiscard]] Cells cells() const override { return Cells::together; }
  RequestFields fields() override;
  void open() override;
  [[nodiscard]] std::string title() const override;
  [[nodiscard]] Json identity() const override;
  [[nodiscard]] Passes passes() const override { return stored_ ? Passes::stored : Passes::made; }
  SweepSpec spec(const Model& model, const Task& task) override;
  SweepPlan check(const PlannedSweep& sweep) const override;
  bool execute(const PlannedSweep& sweep, SweepSink& sink) const override;

 private:
  void open_traces();
  [[nodiscard]] std::int64_t steps() const { return steps_ == 0 ? 5 : steps_; }
  [[nodiscard]] AttributionOptions options() const;

  PatchRequest patch_;
  std::string method_ = "atp";
  std::int64_t steps_ = 0;                // 0: 5, of ig alone
  std::vector<std::string> trace_files_;  // of both runs, in any order; none: they run
  std::shared_ptr<const StoredRun> clean_, corrupted_;
  std::optional<StoredRuns> stored_;
  std::unique_ptr<const OtherRun> source_;
};

}  // namespace headscope
