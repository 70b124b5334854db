// One sweep of a verb, from its options to its file.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "analyses/results/result_store.h"
#include "analyses/sweep/baselines.h"
#include "cli/sweep/sweep_run.h"

namespace headscope {

struct SweepOutcome {
  Result result = {};
  bool finished = false;                                               // else it was interrupted
  enum class Start { fresh, resumed, finished } start = Start::fresh;  // what the file held before
  std::vector<double> seconds = {};  // of each repeat; none where nothing had to run
};

class SweepJob {
 public:
  // All live as long as this. Throws UsageError for options that do not fit the task or the model.
  SweepJob(const Model& model,
           const Task& task,
           const Invocation& invocation,
           const SweepVerbOptions& options,
           const SweepVerb& verb);

  // Throws what run() would before its first pass: also if the file is of another sweep.
  void check() const;

  // Asked only where something is left to run; null: the sweep computes its own.
  using ReadyBaselines = std::function<const Baselines*()>;
  [[nodiscard]] SweepOutcome run(const ReadyBaselines& baselines);

  [[nodiscard]] Appendix appendix(const Result& result) const;

 private:
  [[nodiscard]] SweepInHand in_hand() const { return {model_, task_, spec_, sweep_}; }
  [[nodiscard]] std::int64_t prompts() const {
    return static_cast<std::int64_t>(task_.items.size());
  }
  [[nodiscard]] bool run_into(SweepSink& sink) const;  // false if it was interrupted
  [[nodiscard]] bool nothing_left(const ResultStore& store) const;
  [[nodiscard]] SweepOutcome to_file(const ReadyBaselines& baselines);
  [[nodiscard]] SweepOutcome in_memory();

  const Model& model_;
  const Task& task_;
  const SweepVerbOptions& options_;
  const SweepVerb& verb_;
  SweepSpec spec_;
  Grid grid_;
  SweepOptions sweep_;
  ResultHeader header_;
};

}  // namespace headscope
