// Ablation as a request: zero, mean or resampled values put into the clean runs, cell by cell.
#pragma once

#include <memory>
#include <string>

#include "analyses/ablation/ablation.h"
#include "analyses/sweep/sweep_method.h"
#include "hooks/stored_run.h"

namespace headscope {

class AblateMethod final : public SweepMethod {
 public:
  [[nodiscard]] std::string kind() const override { return "ablate"; }
  RequestFields fields() override;
  void open() override;
  // Means and partners need two items of each template and length.
  void check_files(const std::string& name) const override;
  [[nodiscard]] std::string title() const override;
  [[nodiscard]] Json identity() const override;
  SweepSpec spec(const Model& model, const Task& task) override;

 private:
  [[nodiscard]] std::string mode() const;
  [[nodiscard]] std::string mean_over() const {
    return mean_over_.empty() ? to_string(Run::clean) : mean_over_;
  }
  [[nodiscard]] std::unique_ptr<ValueSource> source_of(const RunSource& from,
                                                       const Task& task) const;

  std::string site_ = "z";
  std::string over_ = "layer,head";
  std::string heads_;          // ablated together, "23.3,23.0"; empty: the cells of a grid
  std::string mode_;           // empty: as the trace that is named says, else mean
  std::string mean_over_;      // empty: clean
  std::string mean_from_;      // a trace of those runs; empty: they run
  std::string resample_from_;  // likewise
  std::shared_ptr<const StoredRun> trace_;
  std::unique_ptr<ValueSource> source_;
};

}  // namespace headscope
