// One sweep of a method, from its request to its file of results.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "analyses/results/result_store.h"
#include "analyses/sweep/baselines.h"
#include "analyses/sweep/result_header.h"
#include "analyses/sweep/sweep_method.h"
#include "lib/model/standing_change.h"

namespace headscope {

class RankGroup;

// Stands between a sweep and where its values go, to see them pass.
class SweepWatch : public SweepSink {
 public:
  struct Of {
    const Grid& grid;
    std::int64_t prompts;
    Run into;  // the run that is changed
    SweepSink& to;
  };
  virtual void show(const SweepProgress& progress) = 0;
};

struct SweepJobOptions {
  std::string out;                      // empty: nothing is kept
  IfExists if_exists = IfExists::fail;  // of `out`
  std::string shard;                    // "2/8": the second of eight parts; empty: all cells
  // Those that share the cells and write `out` together; null: this process alone.
  RankGroup* ranks = nullptr;
  int repeats = 1;          // more: a benchmark, in memory
  std::int64_t memory = 0;  // bytes it may take beside the weights
  // The same for one that is gone on with, whose batches are made already; 0: `memory`.
  std::int64_t memory_if_begun = 0;
  std::function<bool()> stop = {};  // asked between batches

  // Told from time to time how many blocks all ranks together have done; null: nobody asks.
  std::function<void(std::int64_t done, std::int64_t blocks)> watch_ranks = {};

  // Makes what is told how far the sweep is; null: nobody watches.
  std::function<std::unique_ptr<SweepWatch>(const SweepWatch::Of& of)> watch = {};
};

struct SweepOutcome {
  Result result = {};
  bool finished = false;                                               // else `stop` ended it
  enum class Start { fresh, resumed, finished } start = Start::fresh;  // what the file held before
  std::vector<double> seconds = {};  // of each repeat; none where nothing had to run
  int merged_by = 0;                 // the rank that wrote the file, which is the one to tell of it
};

class SweepJob {
 public:
  // All live as long as this. Throws UsageError for a request that does not fit the task or the
  // model, and for a shard that is none.
  SweepJob(const Model& model,
           const Task& task,
           SweepMethod& method,
           const ResultOrigin& origin,
           const SweepJobOptions& options);

  // Throws what run() would before its first pass, but for what is wrong with the file. To be
  // called before run(), which replaces a file before it can know.
  void check() const;

  // Throws UsageError if the file that is gone on with is of another sweep, ResourceError if the
  // batches it was begun in take more than memory allows.
  void check_file() const;

  // The unchanged runs, made in batches of `tokens`; asked only where something is left to run.
  // Null: the sweep makes its own.
  using ReadyBaselines = std::function<const Baselines*(std::int64_t tokens)>;
  // Throws UsageError, and leaves no file, if an intervention of the model never fired.
  [[nodiscard]] SweepOutcome run(const ReadyBaselines& baselines);

  [[nodiscard]] PlannedSweep planned() const { return {model_, task_, spec_, sweep_}; }

 private:
  [[nodiscard]] std::int64_t prompts() const {
    return static_cast<std::int64_t>(task_.items.size());
  }
  [[nodiscard]] bool run_into(SweepSink& sink) const;  // false if it was stopped
  [[nodiscard]] bool nothing_left(const ResultStore& store) const;
  [[nodiscard]] bool goes_on() const;
  [[nodiscard]] SweepOptions in_batches_of_file() const;
  [[nodiscard]] SweepOutcome to_file(const ReadyBaselines& baselines);
  [[nodiscard]] SweepOutcome in_memory();

  // sweep_job_ranks.cpp
  [[nodiscard]] SweepOutcome over_ranks();
  [[nodiscard]] SweepOutcome share(RankGroup& ranks);
  void settle(RankGroup& ranks);
  [[nodiscard]] Json first_plan();
  [[nodiscard]] SweepOutcome run_share(RankGroup& ranks, ResultStore& own);
  void check_fired(const SweepOutcome& outcome) const;
  void count_baselines();

  const Model& model_;
  const Task& task_;
  const SweepJobOptions& options_;
  SweepMethod& method_;
  SweepSpec spec_;
  Grid grid_;
  SweepOptions sweep_;
  ResultHeader header_;
  std::vector<StandingChange::Fired> fired_before_{};
};

}  // namespace headscope
