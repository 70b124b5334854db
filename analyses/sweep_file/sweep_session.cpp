#include "analyses/sweep_file/sweep_session.h"

#include <utility>

#include "analyses/sweep/task_input.h"
#include "hooks/standing_interventions.h"
#include "lib/model/attention_plan.h"
#include "lib/model/standing_change.h"

namespace headscope {
namespace {

std::vector<StandingChange::Fired> fired_by(const Model& model) {
  return model.standing() ? model.standing()->fired() : std::vector<StandingChange::Fired>();
}

Model changed(const Model& model, const SweepRequest& request) {
  const Model planned = request.attention.empty()
                            ? model
                            : with_attention(model, read_attention_plan(request.attention, model));
  return request.intervene.empty() ? planned : intervened(planned, request.intervene);
}

}  // namespace

const Model& SweepSession::model(const SweepRequest& request) {
  if (request.intervene.empty() && request.attention.empty()) {
    return model_;
  }
  const std::pair key{request.intervene, request.attention};
  const auto found = changed_.find(key);
  return found != changed_.end() ? found->second
                                 : changed_.emplace(key, changed(model_, request)).first->second;
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
                                         const Metric& metric,
                                         std::int64_t tokens) {
  const std::tuple key{&model, &task, &metric, tokens};
  const auto found = baselines_.find(key);
  if (found != baselines_.end()) {
    return found->second;
  }
  const Scoring scoring(metric, task.items, model);
  const std::vector<StandingChange::Fired> before = fired_by(model);
  Baselines made = baselines_of(model, task.items, scoring, tokens);
  for (const StandingChange::Fired& part : fired_by(model)) {
    made.fired.push_back(part.values - before[made.fired.size()].values);
  }
  return baselines_.emplace(key, std::move(made)).first->second;
}

}  // namespace headscope
