// A sweep's bar: cells done, rate, time left, and the strongest cell so far.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "analyses/sweep/sweep_job.h"
#include "cli/render/progress.h"

namespace headscope {

class SweepProgressBar final : public SweepWatch {
 public:
  explicit SweepProgressBar(const Of& of)
      : grid_(of.grid), prompts_(of.prompts), into_(of.into), to_(of.to) {}

  void show(const SweepProgress& progress) override;

  [[nodiscard]] bool done(std::int64_t cell, std::int64_t prompt) const override {
    return to_.done(cell, prompt);
  }
  void put(const std::vector<ResultStore::Value>& values) override;
  void put_baseline(Run run, const std::vector<double>& per_prompt) override;

 private:
  struct Sum {
    double value = 0.0;
    std::int64_t count = 0;
  };
  const Grid& grid_;
  std::int64_t prompts_;
  Run into_;  // the run that is changed: effects are told from it
  SweepSink& to_;
  std::optional<Progress> bar_;
  std::int64_t drawn_ = 0;
  std::map<std::int64_t, Sum> open_;  // cells under way
  double unchanged_ = 0.0;
  double strongest_ = 0.0;
};

std::unique_ptr<SweepWatch> sweep_progress_bar(const SweepWatch::Of& of);

}  // namespace headscope
