#include "cli/sweep/sweep_session.h"

#include <algorithm>

#include "analyses/sweep/sweep_memory.h"
#include "cli/sweep/task_input.h"
#include "hooks/standing_interventions.h"

namespace headscope {

Task read_task_of(const SweepVerbOptions& options, const Model& model) {
  return task_for(
      model,
      options.task,
      {.bos = options.bos,
       .unfit = options.skip_unfit ? TaskOptions::Unfit::skip : TaskOptions::Unfit::fail});
}

const Model& SweepSession::model(const SweepVerbOptions& options) {
  if (options.intervene.empty()) {
    return model_;
  }
  const auto found = changed_.find(options.intervene);
  return found != changed_.end()
             ? found->second
             : changed_.emplace(options.intervene, intervened(model_, options.intervene))
                   .first->second;
}

const Task& SweepSession::task(const SweepVerbOptions& options) {
  const TaskKey key{options.task, options.bos, options.skip_unfit};
  const auto found = tasks_.find(key);
  return found != tasks_.end() ? found->second
                               : tasks_.emplace(key, read_task_of(options, model_)).first->second;
}

const Baselines& SweepSession::baselines(const Model& model,
                                         const Task& task,
                                         const Metric& metric,
                                         std::int64_t memory) {
  const std::tuple key{&model, &task, &metric};
  const auto found = baselines_.find(key);
  if (found != baselines_.end()) {
    return found->second;
  }
  const Scoring scoring(metric, task.items, model.config().d_vocab);
  std::int64_t longest = 0;
  for (const TaskItem& item : task.items) {
    longest = std::max(longest, item.length());
  }
  const std::int64_t tokens = baseline_tokens(model, longest, memory);
  return baselines_.emplace(key, baselines_of(model, task.items, scoring, tokens)).first->second;
}

}  // namespace headscope
