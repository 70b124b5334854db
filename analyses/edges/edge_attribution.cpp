#include "analyses/edges/edge_attribution.h"

#include <utility>

#include "analyses/edges/edge_memory.h"
#include "analyses/edges/relevance_rules.h"
#include "lib/base/error.h"
#include "lib/model/gradients.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

std::vector<std::int64_t> items_of_steps(const PromptBatch& batch, std::int64_t steps) {
  std::vector<std::int64_t> items;
  for (std::int64_t step = 0; step < steps; ++step) {
    items.insert(items.end(), batch.items.begin(), batch.items.end());
  }
  return items;
}

// What paths ask of a run: of inputs, only the embeddings.
Written asked_by(PathOf path, const Written& run) {
  return path == PathOf::inputs ? Written{.embed = run.embed, .carried = {}, .mlp_out = {}} : run;
}

// False if `stop` ended it.
bool add_batch(const CircuitContext& context,
               const PromptBatch& batch,
               const EdgeMemory& plan,
               const EdgeAttributionOptions& options,
               Tensor& scores) {
  const std::int64_t steps = options.steps;
  const Model& model = context.model;
  Written whole_own = written_by(model, batch.clean);
  Written whole_other = context.ablated(batch);
  const Written own = asked_by(options.path, whole_own);
  const Written other = asked_by(options.path, whole_other);
  const WriterDifferences differences(
      model, context.graph, std::move(whole_own), std::move(whole_other), plan.difference_bytes);
  Tensor clean;
  if (context.scoring.metric().needs_clean) {
    clean = model.forward(batch.clean, {.logits = Logits::last}).logits.repeat({steps, 1});
  }
  const auto objective = [&](const Tensor& logits) {
    return context.scoring.differentiable(logits, items_of_steps(batch, steps), clean);
  };
  bool stopped = false;
  each_path(context, options.path, steps, batch, own, other, [&](const EdgePath& path) {
    stopped = options.stop && options.stop();
    if (!stopped) {
      EdgeGradients tap({context, differences, path.writers, steps, plan.chunk, options.rule},
                        scores);
      const Model ruled =
          options.rule == GradientRule::exact ? path.model : with_relevance_rules(path.model);
      gradients(ruled, path.from, objective, tap, context.scoring.vocab());
    }
    return !stopped;
  });
  return !stopped;
}

}  // namespace

Tensor edge_attribution(const CircuitContext& context, const EdgeAttributionOptions& options) {
  check_gradient(context.scoring.metric(), options.steps);
  if (options.rule == GradientRule::relevance && options.path != PathOf::inputs) {
    throw UsageError("rules of relevance stand for the whole curve: they have no other path");
  }
  EdgeMemory plan = plan_edges(context, options.steps, options.path);
  plan.chunk = options.chunk > 0 ? options.chunk : plan.chunk;
  // Where the model is, so that no product is waited for.
  Tensor scores = at::zeros({context.graph.n_writers(), context.graph.n_readers()},
                            context.model.weights().W_E.options().dtype(at::kDouble));
  for (const PromptBatch& batch : prompt_batches(context.task.items, plan.batch_tokens)) {
    if (!add_batch(context, batch, plan, options, scores)) {
      return {};
    }
    if (options.progress) {
      options.progress(batch.rows());
    }
  }
  const double share = context.direction() / static_cast<double>(context.task.items.size());
  return scores.to(at::kCPU).mul_(share);
}

void check_gradient(const Metric& metric, std::int64_t steps) {
  if (!metric.has_gradient) {
    throw UsageError("--metric {} counts, so it has no gradient; take logit_diff or another one",
                     metric.name);
  }
  if (metric.needs_clean && steps == 1) {
    throw UsageError(
        "--metric {} is smallest at the clean run, so its gradient there is zero; take --method "
        "eap-ig, acdc or another metric",
        metric.name);
  }
}

}  // namespace headscope
