#include "analyses/edges/edge_attribution.h"

#include <algorithm>

#include "analyses/edges/edge_memory.h"
#include "analyses/edges/edge_products.h"
#include "analyses/edges/reader_gradients.h"
#include "lib/base/error.h"
#include "lib/model/gradients.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Turns a layer's gradients into scores as they come.
class EdgeGradients final : public GradientTap {
 public:
  EdgeGradients(const CircuitContext& context,
                const WriterDifferences& differences,
                std::int64_t steps,
                std::int64_t chunk,
                Tensor& scores)
      : context_(context),
        differences_(differences),
        steps_(steps),
        chunk_(chunk),
        scores_(scores) {}

  [[nodiscard]] bool wants(HookPoint point) const override {
    switch (point.site) {
      case Site::resid_pre:
      case Site::q:
      case Site::k:
      case Site::v:
      case Site::mlp_in:
        return true;
      case Site::resid_post:
        return point.layer == context_.graph.shape().n_layers - 1;
      default:
        return false;
    }
  }

  void visit(const Visit& visit, const Tensor& value, const Tensor& gradient) override {
    const std::int64_t layer = visit.point.layer;
    const std::int64_t heads = context_.graph.shape().n_heads;
    const std::int64_t first = context_.graph.first_reader(layer);
    switch (visit.point.site) {
      case Site::resid_pre:
        stream_ = by_step(value);
        break;
      case Site::q:
        add_heads(layer, HeadInput::q, first, gradient);
        break;
      case Site::k:
        add_heads(layer, HeadInput::k, first + heads, gradient);
        break;
      case Site::v:
        add_heads(layer, HeadInput::v, first + 2 * heads, gradient);
        break;
      case Site::mlp_in:
        add_stream(first + 3 * heads, gradient);
        break;
      default:
        add_stream(context_.graph.n_readers() - 1, gradient);
    }
  }

 private:
  // [m·B, T, …] → [m, B·T, …]
  [[nodiscard]] Tensor by_step(const Tensor& x) const {
    return x.flatten(0, 1).unflatten(0, {steps_, differences_.positions()});
  }

  void add_heads(std::int64_t layer, HeadInput part, std::int64_t first, const Tensor& gradient) {
    const Tensor g = by_step(gradient);
    for (std::int64_t begin = 0; begin < differences_.positions(); begin += chunk_) {
      const std::int64_t count = std::min(chunk_, differences_.positions() - begin);
      const auto cut = [&](const Tensor& x) { return x.narrow(1, begin, count).flatten(0, 1); };
      const NormalizedStream stream = normalized_stream(context_.model, cut(stream_));
      const Tensor read = head_reader_gradient(context_.model, layer, part, stream, cut(g));
      add_products(differences_,
                   context_.graph,
                   first,
                   begin,
                   read.unflatten(1, {steps_, count}).mean(1),
                   scores_);
    }
  }

  void add_stream(std::int64_t reader, const Tensor& gradient) {
    const Tensor g = by_step(gradient).mean(0).to(at::kFloat).unsqueeze(0);
    for (std::int64_t begin = 0; begin < differences_.positions(); begin += chunk_) {
      const std::int64_t count = std::min(chunk_, differences_.positions() - begin);
      add_products(differences_, context_.graph, reader, begin, g.narrow(1, begin, count), scores_);
    }
  }

  const CircuitContext& context_;
  const WriterDifferences& differences_;
  const std::int64_t steps_;
  const std::int64_t chunk_;  // positions at once
  Tensor& scores_;
  Tensor stream_;  // entering the layer in hand
};

// m runs on the way from what stands for the embeddings to the clean ones, a row each.
Resume runs_between(const Batch& clean,
                    const Tensor& stream,
                    const Tensor& difference,
                    std::int64_t steps) {
  Resume from = repeated_rows(clean.layout(), stream, steps);
  std::vector<Tensor> starts;
  for (std::int64_t step = 1; step <= steps; ++step) {
    const double left = 1.0 - static_cast<double>(step) / static_cast<double>(steps);
    starts.push_back(left == 0.0 ? stream : stream - left * difference);
  }
  from.residual = at::cat(starts);
  return from;
}

std::vector<std::int64_t> items_of_steps(const PromptBatch& batch, std::int64_t steps) {
  std::vector<std::int64_t> items;
  for (std::int64_t step = 0; step < steps; ++step) {
    items.insert(items.end(), batch.items.begin(), batch.items.end());
  }
  return items;
}

void add_batch(const CircuitContext& context,
               const PromptBatch& batch,
               const EdgeMemory& plan,
               std::int64_t steps,
               Tensor& scores) {
  const Model& model = context.model;
  const Written own = written_by(model, batch.clean);
  const Written other = context.ablated(batch);
  const WriterDifferences differences(model, context.graph, own, other, plan.difference_bytes);
  const Resume from =
      runs_between(batch.clean, first_stream(model, batch.clean), own.embed - other.embed, steps);
  Tensor clean;
  if (context.scoring.metric().needs_clean) {
    clean = model.forward(batch.clean, {.logits = Logits::last}).logits.repeat({steps, 1});
  }
  EdgeGradients tap(context, differences, steps, plan.chunk, scores);
  gradients(
      model,
      from,
      [&](const Tensor& logits) {
        return context.scoring.differentiable(logits, items_of_steps(batch, steps), clean);
      },
      tap,
      context.scoring.vocab());
}

}  // namespace

Tensor edge_attribution(const CircuitContext& context, const EdgeAttributionOptions& options) {
  check_gradient(context.scoring.metric(), options.steps);
  const EdgeMemory plan = plan_edges(context, options.steps);
  Tensor scores = at::zeros({context.graph.n_writers(), context.graph.n_readers()}, at::kDouble);
  for (const PromptBatch& batch : prompt_batches(context.task.items, plan.batch_tokens)) {
    if (options.stop && options.stop()) {
      return {};
    }
    add_batch(context, batch, plan, options.steps, scores);
    if (options.progress) {
      options.progress(batch.rows());
    }
  }
  return scores.mul_(context.direction() / static_cast<double>(context.task.items.size()));
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
