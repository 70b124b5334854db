#include "cli/sweep/sweep_session.h"

#include <algorithm>

#include "analyses/sweep/sweep_memory.h"
#include "cli/sweep/task_input.h"

namespace headscope {

Task read_task_of(const SweepVerbOptions& options, const Model& model) {
  return task_for(
      model,
      options.task,
      {.bos = options.bos,
       .unfit = options.skip_unfit ? TaskOptions::Unfit::skip : TaskOptions::Unfit::fail});
}

const Task& SweepSession::task(const SweepVerbOptions& options) {
  const TaskKey key{options.task, options.bos, options.skip_unfit};
  const auto found = tasks_.find(key);
  return found != tasks_.end() ? found->second
                               : tasks_.emplace(key, read_task_of(options, model_)).first->second;
}

const Baselines& SweepSession::baselines(const Task& task,
                                         const Metric& metric,
                                         std::int64_t memory) {
  const std::pair key{&task, &metric};
  const auto found = baselines_.find(key);
  if (found != baselines_.end()) {
    return found->second;
  }
  const Scoring scoring(metric, task.items, model_.config().d_vocab);
  std::int64_t longest = 0;
  for (const TaskItem& item : task.items) {
    longest = std::max(longest, item.length());
  }
  const std::int64_t tokens = baseline_tokens(model_, longest, memory);
  return baselines_.emplace(key, baselines_of(model_, task.items, scoring, tokens)).first->second;
}

}  // namespace headscope
