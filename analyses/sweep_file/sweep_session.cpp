#include "analyses/sweep_file/sweep_session.h"

#include <algorithm>

#include "analyses/sweep/sweep_memory.h"
#include "analyses/sweep/task_input.h"
#include "hooks/standing_interventions.h"

namespace headscope {

const Model& SweepSession::model(const SweepRequest& request) {
  if (request.intervene.empty()) {
    return model_;
  }
  const auto found = changed_.find(request.intervene);
  return found != changed_.end()
             ? found->second
             : changed_.emplace(request.intervene, intervened(model_, request.intervene))
                   .first->second;
}

const Task& SweepSession::task(const SweepRequest& request) {
  const TaskKey key{request.task, request.bos, request.skip_unfit};
  const auto found = tasks_.find(key);
  return found != tasks_.end()
             ? found->second
             : tasks_.emplace(key, task_for(model_, request.task, request.task_options()))
                   .first->second;
}

const Baselines& SweepSession::baselines(const Model& model,
                                         const Task& task,
                                         const Metric& metric) {
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
  const std::int64_t tokens = baseline_tokens(model, longest, memory_);
  return baselines_.emplace(key, baselines_of(model, task.items, scoring, tokens)).first->second;
}

}  // namespace headscope
