// How well a model does a task: metrics of the clean and the corrupted runs, and a verdict.
#pragma once

#include <string>
#include <vector>

#include "analyses/metric/metric.h"
#include "analyses/metric/verdict.h"
#include "analyses/sweep/baselines.h"

namespace headscope {

struct TaskScore {
  std::vector<const Metric*> metrics;  // accuracy; logit_diff where all items have wrong answers;
                                       // prob; those asked for
  std::vector<Baselines> values;       // of each metric, an item a number
  Judgement judgement;
};

// Runs every item's two prompts once. Throws UsageError for a name in `metrics` that is none.
TaskScore score_task(const Model& model,
                     const Task& task,
                     const std::vector<std::string>& metrics,
                     const SummaryOptions& summary);

}  // namespace headscope
