// What the entries of `headscope sweep` share: the model, its tasks, and the unchanged runs.
#pragma once

#include <map>
#include <string>
#include <tuple>

#include "cli/sweep/sweep_job.h"

namespace headscope {

// The task a sweep's options name; a note says how many items were left out.
Task read_task_of(const SweepVerbOptions& options, const Model& model);

class SweepSession {
 public:
  // An entry goes through both: all are checked before one runs.
  enum class Stage { check, run };

  explicit SweepSession(const Model& model) : model_(model) {}

  // Changed as --intervene says; each file of interventions is read once.
  const Model& model(const SweepVerbOptions& options);
  const Task& task(const SweepVerbOptions& options);  // read once

  // Of a model and a task of this session; computed once, when first asked for, in no more than
  // `memory`.
  const Baselines& baselines(const Model& model,
                             const Task& task,
                             const Metric& metric,
                             std::int64_t memory);

  Stage stage = Stage::check;
  SweepOutcome outcome = {};  // of the entry that ran last

 private:
  using TaskKey = std::tuple<std::string, PrependBos, bool>;  // the file and how it is read

  const Model& model_;
  std::map<std::string, Model> changed_;  // by the file of interventions
  std::map<TaskKey, Task> tasks_;
  std::map<std::tuple<const Model*, const Task*, const Metric*>, Baselines> baselines_;
};

}  // namespace headscope
