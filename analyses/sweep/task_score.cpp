#include "analyses/sweep/task_score.h"

#include <algorithm>

namespace headscope {
namespace {

std::vector<const Metric*> metrics_of(const std::vector<std::string>& asked, const Task& task) {
  std::vector<const Metric*> metrics{&find_metric("accuracy")};
  if (std::none_of(task.items.begin(), task.items.end(), [](const TaskItem& item) {
        return item.wrong.empty();
      })) {
    metrics.push_back(&find_metric("logit_diff"));
  }
  metrics.push_back(&find_metric("prob"));
  for (const std::string& name : asked) {
    const Metric* metric = &find_metric(name);
    if (std::find(metrics.begin(), metrics.end(), metric) == metrics.end()) {
      metrics.push_back(metric);
    }
  }
  return metrics;
}

Judgement judgement_of(const std::vector<const Metric*>& metrics,
                       const std::vector<Baselines>& values,
                       const SummaryOptions& options) {
  const bool has_wrong = metrics[1]->name == "logit_diff";
  return judge({.accuracy = values[0].clean,
                .logit_diff = has_wrong ? values[1].clean : std::vector<double>{},
                .clean = values[1].clean,
                .corrupted = values[1].corrupted},
               options);
}

}  // namespace

TaskScore score_task(const Model& model,
                     const Task& task,
                     const std::vector<std::string>& metrics,
                     const SummaryOptions& summary) {
  TaskScore score{.metrics = metrics_of(metrics, task), .values = {}, .judgement = {}};
  score.values = baselines_of(model, task.items, score.metrics);
  score.judgement = judgement_of(score.metrics, score.values, summary);
  return score;
}

}  // namespace headscope
