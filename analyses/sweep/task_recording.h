// One run of a task as something to record, and what gradients at its hook points are of.
#pragma once

#include <vector>

#include "analyses/metric/metric.h"
#include "analyses/sweep/value_source.h"
#include "analyses/task/task.h"
#include "hooks/record.h"
#include "lib/base/json.h"

namespace headscope {

struct TaskRecording {
  std::vector<Prompt> prompts;  // prompt i is that of item i, and has its id
  RecordObjective objective;    // empty where no gradients are wanted
  Json identity;  // task_hash, run and gradients_of: what analyses of the trace ask for
};

// `gradients_of` may be null: no gradients. Throws UsageError for a metric that has no gradient, or
// that compares the two runs.
TaskRecording task_recording(const Task& task,
                             Run run,
                             const Metric* gradients_of,
                             const Model& model);

}  // namespace headscope
