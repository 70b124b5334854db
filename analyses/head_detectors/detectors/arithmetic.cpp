// Arithmetic heads by path patching.
#include <cmath>

#include <ATen/ops/gather.h>

#include "analyses/head_detectors/arithmetic_heads.h"
#include "analyses/head_detectors/clean_values.h"
#include "analyses/head_detectors/detectors.h"
#include "analyses/head_detectors/head_samples.h"
#include "analyses/head_detectors/probe.h"
#include "analyses/path_patching/path_runner.h"
#include "analyses/sweep/sweep.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kArithmeticPrompts = 24;  // a seed
constexpr double kLeastAccuracy = 0.2;
constexpr std::int64_t kMemory = std::int64_t{1} << 30;

Tensor answer_logit(const MetricInput& in) {
  const Tensor columns = in.answers.to(in.logits.device());
  const Tensor real = columns.ge(0).to(at::kDouble);
  const Tensor values = at::gather(in.logits, 1, columns.clamp_min(0)).to(at::kDouble);
  return ((values * real).sum(1) / real.sum(1)).cpu();
}

const Metric kAnswerLogit{.name = "answer_logit",
                          .summary = "mean logit of the answers",
                          .source = "Zhang et al. 2024, arXiv:2409.01659",
                          .values = answer_logit};

// The items the model gets right.
Task right_items(const Model& model, const Task& task) {
  const std::vector<double> right_or_not = clean_values(model, task.items, find_metric("accuracy"));
  Task right = task;
  right.items.clear();
  for (std::size_t i = 0; i < task.items.size(); ++i) {
    if (right_or_not[i] > 0.5) {
      right.items.push_back(task.items[i]);
    }
  }
  return right;
}

// [items, L, H]
Tensor drops(const SweepTable& table, std::int64_t items, const ModelConfig& c) {
  Tensor effect = at::zeros({c.n_layers * c.n_heads, items}, at::kDouble);
  double size = 0.0;
  for (std::int64_t item = 0; item < items; ++item) {
    size += std::abs(table.clean()[static_cast<std::size_t>(item)]) / static_cast<double>(items);
    for (std::int64_t cell = 0; cell < effect.size(0); ++cell) {
      effect.index_put_({at::indexing::TensorIndex(cell), at::indexing::TensorIndex(item)},
                        table.clean()[static_cast<std::size_t>(item)] - table.value(cell, item));
    }
  }
  return (effect / size).t().reshape({items, c.n_layers, c.n_heads});
}

Finding run_arithmetic(const DetectorContext& context) {
  std::vector<Tensor> scores;
  OrderedJson accuracies = OrderedJson::array();
  for (const std::uint64_t seed : context.seeds) {
    const Task task = built_in_task(
        context.model,
        "arithmetic",
        {.n = kArithmeticPrompts, .seed = seed, .corruption = "operands", .templates = {}});
    const ArithmeticHeads found =
        arithmetic_heads(context.model, task, kLeastAccuracy, context.stop);
    accuracies.push_back(found.accuracy);
    if (found.accuracy < kLeastAccuracy) {
      throw UndefinedForModel(
          "the model does arithmetic too seldom: it is right in {:.0f} % of {} prompts, {:.0f} % "
          "are "
          "needed",
          100 * found.accuracy,
          kArithmeticPrompts,
          100 * kLeastAccuracy);
    }
    if (!found.drop.defined()) {
      break;
    }
    scores.push_back(found.drop);
  }
  Finding finding;
  finding.scores = head_samples(scores);
  finding.notes["accuracy_by_seed"] = std::move(accuracies);
  return finding;
}

std::string arithmetic_undefined(const Model& model) {
  return model.has_tokenizer() ? "" : "no tokenizer beside the weights";
}

}  // namespace

ArithmeticHeads arithmetic_heads(const Model& model,
                                 const Task& task,
                                 double least_accuracy,
                                 const std::function<bool()>& stop) {
  const Task right = right_items(model, task);
  ArithmeticHeads result;
  result.items = static_cast<std::int64_t>(right.items.size());
  result.accuracy = static_cast<double>(result.items) / static_cast<double>(task.items.size());
  if (result.items == 0 || result.accuracy < least_accuracy) {
    return result;
  }
  const Paths paths({.receivers = {Receiver()}, .positions = {"end"}}, right.items, model.config());
  const OtherRun source(Run::corrupted);
  const SweepSpec spec{.parts = {{Site::z, true}},
                       .positions = {"end"},
                       .into = Run::clean,
                       .source = &source,
                       .metric = &kAnswerLogit,
                       .runner = &paths};
  SweepTable table(grid_of(model, right, spec).size(), result.items);
  SweepOptions options{.memory = kMemory};
  options.stop = stop;
  if (run_sweep(model, right, spec, options, table)) {
    result.drop = drops(table, result.items, model.config());
  }
  return result;
}

Detector arithmetic_detector() {
  return {
      .name = "arithmetic",
      .role = "arithmetic head",
      .summary = "its direct paths to the logits carry the answer of a sum",
      .definition =
          "on sums that the model gets right, the part of the answer's logit that is lost when the "
          "head's z at the last token comes from a prompt with other operands and takes its direct "
          "paths to the logits alone (through MLPs): (clean − patched) / mean |clean|",
      .source = "Zhang et al. 2024, arXiv:2409.01659, section 3",
      .threshold = 0.05,
      .threshold_source =
          "Zhang et al.: key heads change the logit by more than 5 % (there the operator is "
          "replaced)",
      .undefined = arithmetic_undefined,
      .run = run_arithmetic,
      .behaviour = Probe(Probe::task, "arithmetic"),
  };
}

}  // namespace headscope
