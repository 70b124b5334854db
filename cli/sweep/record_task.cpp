#include "cli/sweep/record_task.h"

#include <memory>

#include <CLI/CLI.hpp>

#include "analyses/sweep/scoring.h"
#include "analyses/task/task.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

RecordObjective objective_of(const Task& task, const std::string& metric_name, const Model& model) {
  const Metric& metric = find_metric(metric_name);
  if (metric.needs_clean || !metric.has_gradient) {
    throw UsageError("--metric {}: has no gradient in one run; take logit_diff, prob or log_prob",
                     metric_name);
  }
  const auto scoring = std::make_shared<Scoring>(metric, task.items, model.config().d_vocab);
  return [scoring](const Tensor& logits, const std::vector<std::size_t>& prompts) {
    const std::vector<std::int64_t> items(prompts.begin(), prompts.end());
    return scoring->followed_of_vocabulary(logits, items);
  };
}

}  // namespace

void add_record_task_options(CLI::App& app, RecordTaskOptions& options) {
  app.add_option("--task",
                 options.task,
                 "A task file (headscope task make) in place of prompts; hooks that end in _grad "
                 "are the metric's gradients")
      ->excludes("--prompts")
      ->excludes("--prompt");
  app.add_option("--run", options.run, "Which prompts of the task")
      ->check(CLI::IsMember(run_names()))
      ->needs("--task")
      ->capture_default_str();
  app.add_option("--metric", options.metric, "What gradients are of")
      ->needs("--task")
      ->capture_default_str();
}

RecordTask record_task(const RecordTaskOptions& options,
                       PrependBos bos,
                       const Model& model,
                       Gradients gradients) {
  const Tokenizer* tokenizer = model.has_tokenizer() ? &model.tokenizer() : nullptr;
  const Task task = read_task(options.task,
                              tokenizer,
                              model.config().n_ctx,
                              model.config().d_vocab,
                              {.bos = bos, .unfit = TaskOptions::Unfit::fail});
  RecordTask record;
  const Run run = parse_run(options.run);
  for (const TaskItem& item : task.items) {
    record.prompts.push_back(item.prompt(run));
    record.prompts.back().id = item.id;
  }
  record.identity = {{"task_hash", task.hash}, {"run", options.run}};
  if (gradients == Gradients::wanted) {
    record.objective = objective_of(task, options.metric, model);
    record.identity["gradients_of"] = options.metric;
  }
  return record;
}

}  // namespace headscope
