// Passes a sweep's values on: counts them for the progress, refuses one that is not a number.
#pragma once

#include "analyses/sweep/sweep.h"

namespace headscope {

class CheckedSink final : public SweepSink {
 public:
  CheckedSink(SweepSink& to,
              const Grid& grid,
              const Task& task,
              const SweepOptions& options,
              const Model& model)
      : to_(to), grid_(grid), task_(task), options_(options), model_(model) {}

  [[nodiscard]] bool done(std::int64_t cell, std::int64_t prompt) const override {
    return to_.done(cell, prompt);
  }
  void put_baseline(Run run, const std::vector<double>& values) override {
    to_.put_baseline(run, values);
  }
  void put(const std::vector<ResultStore::Value>& values) override;

  // Counts what is there already, of the cells of this shard.
  void count_done(std::int64_t first_cell, std::int64_t end_cell);

 private:
  void report(std::int64_t more);

  SweepSink& to_;
  const Grid& grid_;
  const Task& task_;
  const SweepOptions& options_;
  const Model& model_;
  SweepProgress progress_;
};

}  // namespace headscope
