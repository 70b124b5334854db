// Activation patching as a request: values of one run put into the other, cell by cell.
#pragma once

#include <memory>
#include <string>

#include "analyses/sweep/sweep_method.h"
#include "hooks/stored_run.h"

namespace headscope {

// What patching and its estimate from gradients are told alike: the values that change places, and
// the cells.
struct PatchRequest {
  std::string site = "z";
  std::string over = "layer,head";
  std::string from = "clean";

  [[nodiscard]] Run source_run() const { return parse_run(from); }
  [[nodiscard]] Run changed_run() const { return other_run(source_run()); }
  [[nodiscard]] RequestFields fields();
  [[nodiscard]] Json identity() const;
  // `source` outlives the spec. Throws UsageError for a site or cells that are not.
  [[nodiscard]] SweepSpec spec(const SweepRequest& request, const ValueSource& source) const;
};

class PatchMethod final : public SweepMethod {
 public:
  [[nodiscard]] std::string kind() const override { return "patch"; }
  RequestFields fields() override;
  void open() override;
  [[nodiscard]] std::string title() const override;
  [[nodiscard]] Json identity() const override;
  SweepSpec spec(const Model& model, const Task& task) override;

 private:
  void check_trace(const Model& model, const Task& task) const;

  PatchRequest patch_;
  std::string heads_;       // changed together, "23.3,23.0"; empty: the cells of a grid
  std::string trace_file_;  // of the run that values come from; empty: it runs
  std::shared_ptr<const StoredRun> trace_;
  std::unique_ptr<const ValueSource> source_;
};

}  // namespace headscope
