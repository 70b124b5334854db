// What edits do to a task, against random ones of the same size, and what they cost elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "analyses/metric/summary.h"
#include "analyses/steering/controls.h"
#include "analyses/steering/neutral_text.h"
#include "lib/base/json_fwd.h"

namespace headscope {

// The score of Contrast over the items of a task.
struct TaskScores {
  Summary score;           // mean over items, its bootstrap interval
  double preferred = 0.0;  // the share of items with a score above 0
};

struct SteerEval {
  TaskScores before;
  TaskScores after;
  Summary effect;  // after − before, paired by item
  // Edits of the last position act at every one of neutral text; a span of the task's prompts
  // stands there for the same share of the text (NeutralText::under).
  SideEffects side;
  double perplexity_before = 0.0;
  std::vector<double> item_effects{};  // of each item of the task, in order

  // The mean change by each random counterpart, and where the next one would lie with 95 %: mean ±
  // t · sd · √(1 + 1/n). NaN with fewer than two draws.
  std::string control;  // what was drawn
  std::vector<double> random{};
  std::vector<double> random_kl{};
  double random_low = 0.0;
  double random_high = 0.0;

  // The effect's own interval excludes 0, and its mean lies outside the random ones'.
  [[nodiscard]] bool works() const;
};

struct SteerEvalOptions {
  std::int64_t draws = 10;
  std::uint64_t seed = 0;
  std::function<void(double part)> progress = {};
  std::function<bool()> stop = {};  // asked between draws; throws Interrupted then
};

// `named`: values the edits refer to by name; empty for those of a file. Throws UsageError for an
// edit that changed nothing in the task's passes, for edits of chosen prompts, and what
// random_counterpart() throws.
SteerEval evaluate_edits(const Model& model,
                         const std::vector<Intervention>& edits,
                         const NamedValues& named,
                         const SteerData& task,
                         const NeutralText& neutral,
                         const SteerEvalOptions& options = {});

// Other edits on the same task and text, and what the first ones do beyond them.
struct SteerRival {
  Summary effect;
  Summary more;  // the first ones' effect − these edits', paired by item
  SideEffects side;
};

// `eval`: of the first ones, by evaluate_edits() on the same model, task and text. Throws as that.
SteerRival evaluate_rival(const Model& model,
                          const std::vector<Intervention>& edits,
                          const SteerEval& eval,
                          const SteerData& task,
                          const NeutralText& neutral,
                          std::uint64_t seed = 0);

TaskScores task_scores(const std::vector<double>& scores, std::uint64_t seed);

// Student's t for a two-sided 95 % interval.
double t_95(std::int64_t degrees_of_freedom);

OrderedJson to_json(const SteerEval& eval);
OrderedJson to_json(const SteerRival& rival);
OrderedJson to_json(const Summary& summary);

}  // namespace headscope
