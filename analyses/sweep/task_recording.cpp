#include "analyses/sweep/task_recording.h"

#include <memory>

#include "analyses/sweep/scoring.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

RecordObjective objective_of(const Task& task, const Metric& metric, const Model& model) {
  if (metric.needs_clean || !metric.has_gradient) {
    throw UsageError("--metric {}: has no gradient in one run; take logit_diff, prob or log_prob",
                     metric.name);
  }
  for (const TaskItem& item : task.items) {
    if (item.read_at >= 0) {
      throw UsageError(
          "--metric {}: a recording reads the last token, and item {} is asked at token {}; "
          "`attribute` computes these gradients without a trace",
          metric.name,
          item.id,
          item.read_at);
    }
  }
  const auto scoring = std::make_shared<Scoring>(metric, task.items, model);
  return [scoring](const Tensor& logits, const std::vector<std::size_t>& prompts) {
    return scoring->followed_of_vocabulary(logits, {prompts.begin(), prompts.end()});
  };
}

}  // namespace

TaskRecording task_recording(const Task& task,
                             Run run,
                             const Metric* gradients_of,
                             const Model& model) {
  TaskRecording recording;
  for (const TaskItem& item : task.items) {
    recording.prompts.push_back(item.prompt(run));
    recording.prompts.back().id = item.id;
  }
  recording.identity = {{"task_hash", task.hash}, {"run", to_string(run)}};
  if (gradients_of != nullptr) {
    recording.objective = objective_of(task, *gradients_of, model);
    recording.identity["gradients_of"] = std::string(gradients_of->name);
  }
  return recording;
}

}  // namespace headscope
