#include "analyses/operators/operator_effects.h"

#include <algorithm>
#include <limits>

#include <ATen/ops/linalg_vector_norm.h>

#include "analyses/operators/kept_attention.h"
#include "analyses/operators/text_scores.h"
#include "analyses/sweep/continuation.h"
#include "analyses/sweep/site_change.h"
#include "lib/attention/operators/random_keys.h"
#include "lib/base/error.h"
#include "lib/model/attention_builder.h"
#include "lib/model/attention_plan.h"
#include "lib/model/require_causal.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

using Operator = std::shared_ptr<const HeadOperator>;

std::vector<double> numbers(const Tensor& values) {
  const Tensor flat = values.to(at::kDouble).cpu().contiguous();
  return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

std::vector<double>& measure(LayerEffects& of, OperatorMeasure which) {
  return of[static_cast<std::size_t>(which)];
}

std::vector<Site> sites_of_effects(const ModelConfig& config) {
  std::vector<Site> sites = sites_of_changed_run(Site::z, config);
  sites.push_back(attention_q_site(config));
  sites.push_back(Site::attn_out);
  return sites;
}

Batch checked_batch(const Model& model, const std::vector<std::int32_t>& prompt) {
  require_causal(model.config(), "operator measure");
  if (model.attention_plan() || model.standing()) {
    throw UsageError(
        "operators are measured in a model as it is; leave out --attention and --intervene");
  }
  if (prompt.size() < 2) {
    throw UsageError("a text of one token predicts nothing; give at least two");
  }
  return Batch({prompt});
}

// ‖change‖ / ‖of‖, each over all but the first axis of `change`.
Tensor relative(const Tensor& change, const Tensor& of) {
  const Tensor moved = at::linalg_vector_norm(change.to(at::kDouble).flatten(1), 2, {1});
  return moved / of;
}

Tensor norm_of(const Tensor& x) {
  return at::linalg_vector_norm(x.to(at::kDouble), 2);
}

}  // namespace

const OperatorMeasureInfo& info(OperatorMeasure measure) {
  return kOperatorMeasures[static_cast<std::size_t>(measure)];
}

struct OperatorEffects::Kept {
  Kept(const Model& of, const std::vector<std::int32_t>& prompt)
      : model(of),
        tokens(prompt),
        batch(checked_batch(of, prompt)),
        run(model, batch, {.sites = sites_of_effects(of.config()), .vocab = {0}}),
        stream(model.forward(batch, {.logits = Logits::none}).residual),
        scores(model, tokens, stream) {}

  [[nodiscard]] std::int64_t heads() const { return model.config().n_heads; }
  [[nodiscard]] std::int64_t columns() const { return batch.layout().columns; }
  [[nodiscard]] AttentionInputs attention(std::int64_t layer) const;
  [[nodiscard]] Tensor z_with(std::int64_t layer, const Operator& op) const;
  [[nodiscard]] ChangedStreams streams(std::int64_t layer,
                                       const Tensor& z,
                                       std::int64_t from) const;
  [[nodiscard]] std::vector<TextScore> run_on(const ChangedStreams& changed,
                                              std::int64_t from) const;
  [[nodiscard]] std::vector<TextScore> plainly(std::int64_t layer,
                                               const OperatorChoice& choice) const;
  // Columns with so few keys cannot change: the first that can.
  [[nodiscard]] std::int64_t first_changed(const Operator& op) const {
    return std::min(op->changes_nothing_up_to(), columns() - 1);
  }
  void add_changes(std::int64_t layer, const Tensor& z, const ChangedStreams&, LayerEffects&) const;

  Model model;  // cheap to copy, and the caller's may be a temporary
  std::vector<std::int32_t> tokens;
  Batch batch;
  RunValues run;
  Tensor stream;  // behind the last block
  TextScores scores;
};

AttentionInputs OperatorEffects::Kept::attention(std::int64_t layer) const {
  const ModelConfig& c = model.config();
  return AttentionBuilder(model, batch.layout())
      .inputs(layer,
              {.q = run.at(attention_q_site(c), layer),
               .k = run.at(attention_k_site(c), layer),
               .v = run.at(Site::v, layer)});
}

// z of the layer with the operator in every head's place.
Tensor OperatorEffects::Kept::z_with(std::int64_t layer, const Operator& op) const {
  AttentionInputs in = attention(layer);
  in.spec.operators.assign(static_cast<std::size_t>(heads()), op);
  return fused_attention(in);
}

ChangedStreams OperatorEffects::Kept::streams(std::int64_t layer,
                                              const Tensor& z,
                                              std::int64_t from) const {
  const Replacement by_operator = [&](Site, std::int64_t, const Tensor&) { return z; };
  BatchLayout layout = batch.layout();
  layout.past = from;
  layout.columns = columns() - from;
  const Tensor everywhere = at::ones({1, columns()}, z.options().dtype(at::kBool));
  return changed_streams({.model = model,
                          .run = run,
                          .replacement = by_operator,
                          .site = Site::z,
                          .layout = layout,
                          .kept_from = 0,
                          .changed = everywhere},
                         layer,
                         {0, heads()});
}

// All heads of the layer as rows of one batch, on the columns from `from` on.
std::vector<TextScore> OperatorEffects::Kept::run_on(const ChangedStreams& changed,
                                                     std::int64_t from) const {
  BatchLayout layout = batch.layout();
  layout.rows = heads();
  layout.past = from;
  layout.columns = columns() - from;
  layout.pads.assign(static_cast<std::size_t>(heads()), 0);
  KvPrefix prefix = prefix_of(model, run, from);
  prefix.row = at::zeros({heads()}, stream.options().dtype(at::kLong));
  const Resume rest{.layout = layout,
                    .residual = changed.streams.flatten(0, 1),
                    .layer = changed.layer,
                    .at = changed.at,
                    .prefix = from > 0 ? &prefix : nullptr};
  return scores.of(model.resume(rest, {.logits = Logits::none}).residual, from);
}

std::vector<TextScore> OperatorEffects::Kept::plainly(std::int64_t layer,
                                                      const OperatorChoice& choice) const {
  std::vector<TextScore> all;
  for (std::int64_t head = 0; head < heads(); ++head) {
    const std::vector<AttentionPlan::Part> one{{choice, {{layer, head}}}};
    const Model changed =
        with_attention(model, std::make_shared<AttentionPlan>(one, model.config()));
    const Tensor rows = changed.forward(batch, {.logits = Logits::none}).residual;
    all.push_back(scores.of(rows, 0).front());
  }
  return all;
}

// How far z and attn_out move.
void OperatorEffects::Kept::add_changes(std::int64_t layer,
                                        const Tensor& z,
                                        const ChangedStreams& changed,
                                        LayerEffects& effects) const {
  const Tensor before = run.at(Site::z, layer)[0].transpose(0, 1);  // [H, T, d_head]
  const Tensor norms = at::linalg_vector_norm(before.to(at::kDouble).flatten(1), 2, {1});
  measure(effects, OperatorMeasure::z_change) =
      numbers(relative(z[0].transpose(0, 1) - before, norms));
  const Site site = has_resid_mid(model.config()) ? Site::resid_mid : Site::resid_post;
  const std::int64_t running = changed.streams.size(2);
  const Tensor entered = run.at(site, layer).narrow(1, columns() - running, running);
  measure(effects, OperatorMeasure::out_change) =
      numbers(relative(changed.streams - entered, norm_of(run.at(Site::attn_out, layer))));
}

OperatorEffects::OperatorEffects(const Model& model, const std::vector<std::int32_t>& prompt)
    : kept_(std::make_unique<Kept>(model, prompt)) {}

OperatorEffects::~OperatorEffects() = default;

double OperatorEffects::unchanged_nll() const {
  return kept_->scores.unchanged_nll();
}

LayerEffects OperatorEffects::of_layer(std::int64_t layer,
                                       const OperatorChoice& choice,
                                       const OperatorEffectsOptions& options) const {
  using Execution = OperatorEffectsOptions::Execution;
  LayerEffects effects;
  for (std::vector<double>& each : effects) {
    each.assign(static_cast<std::size_t>(kept_->heads()), std::numeric_limits<double>::quiet_NaN());
  }
  const Operator op = choice.make(operator_place(kept_->model.config(), layer));
  const KeptAttention kept = kept_attention(kept_->attention(layer), op);
  if (choice.kind->kind != AttentionOperator::Kind::compensation) {  // keys give way to a mean
    measure(effects, OperatorMeasure::retained) = numbers(kept.retained);
    measure(effects, OperatorMeasure::density) = numbers(kept.density);
  }
  const std::int64_t from = kept_->first_changed(op);
  const Tensor z = kept_->z_with(layer, op);
  const ChangedStreams changed = kept_->streams(layer, z, from);
  kept_->add_changes(layer, z, changed, effects);
  const std::vector<TextScore> scores = options.execution == Execution::plain
                                            ? kept_->plainly(layer, choice)
                                            : kept_->run_on(changed, from);
  for (std::size_t head = 0; head < scores.size(); ++head) {
    measure(effects, OperatorMeasure::nll)[head] = scores[head].nll;
    measure(effects, OperatorMeasure::kl)[head] = scores[head].kl;
  }
  // What leaves no key out has no choice of keys to compare with.
  if (choice.kind->kind == AttentionOperator::Kind::selection &&
      options.control == OperatorEffectsOptions::Control::random &&
      options.execution == Execution::shared) {
    const Operator random = as_many_at_random(op, {options.seed, layer});
    const auto drawn =
        kept_->run_on(kept_->streams(layer, kept_->z_with(layer, random), from), from);
    for (std::size_t head = 0; head < drawn.size(); ++head) {
      measure(effects, OperatorMeasure::control_nll)[head] = drawn[head].nll;
    }
  }
  return effects;
}

}  // namespace headscope
