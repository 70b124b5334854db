#include "cli/sweep_session.h"

#include "cli/output.h"

namespace headscope {

Task read_task_of(const SweepVerbOptions& options, const Model& model) {
  const Tokenizer* tokenizer = model.has_tokenizer() ? &model.tokenizer() : nullptr;
  Task task = read_task(
      options.task,
      tokenizer,
      model.config().n_ctx,
      model.config().d_vocab,
      {.bos = options.bos,
       .unfit = options.skip_unfit ? TaskOptions::Unfit::skip : TaskOptions::Unfit::fail});
  if (task.skipped > 0) {
    print_note(fmt::format(
        "{}: {} items do not fit this model and are left out", options.task, task.skipped));
  }
  return task;
}

const Task& SweepSession::task(const SweepVerbOptions& options) {
  const TaskKey key{options.task, options.bos, options.skip_unfit};
  const auto found = tasks_.find(key);
  return found != tasks_.end() ? found->second
                               : tasks_.emplace(key, read_task_of(options, model_)).first->second;
}

const Baselines& SweepSession::baselines(const Task& task, const Metric& metric) {
  const std::pair key{&task, &metric};
  const auto found = baselines_.find(key);
  if (found != baselines_.end()) {
    return found->second;
  }
  const Scoring scoring(metric, task.items, model_.config().d_vocab);
  return baselines_.emplace(key, baselines_of(model_, task.items, scoring)).first->second;
}

}  // namespace headscope
