#include "analyses/operators/plan_effects.h"

#include <memory>

#include "lib/base/error.h"
#include "lib/base/random.h"

namespace headscope {
namespace {

Tensor last_stream(const Model& model, const Batch& batch) {
  return model.forward(batch, {.logits = Logits::none}).residual;
}

std::vector<Model> changed_models(const Model& model,
                                  const AttentionPlan& plan,
                                  const PlanEffectsOptions& options) {
  std::vector<Model> models{with_attention(model, std::make_shared<AttentionPlan>(plan))};
  for (std::int64_t draw = 0; draw < options.draws; ++draw) {
    const std::uint64_t seed = options.seed + static_cast<std::uint64_t>(draw);
    models.push_back(with_attention(
        model, std::make_shared<AttentionPlan>(shuffled(plan, model.config(), seed))));
  }
  return models;
}

}  // namespace

AttentionPlan shuffled(const AttentionPlan& plan, const ModelConfig& config, std::uint64_t seed) {
  const HeadGrid grid{config.n_layers, config.n_kv_heads};
  const std::int64_t group = config.heads_per_kv();
  std::vector<HeadId> places = grid.heads();
  Random random(seed, "attention plan at random");
  random.shuffle(places);
  std::vector<AttentionPlan::Part> parts = plan.parts();
  for (AttentionPlan::Part& part : parts) {
    for (HeadId& head : part.heads) {
      const HeadId to = places[grid.index_of({head.layer, head.head / group})];
      head = {to.layer, to.head * group + head.head % group};
    }
  }
  return AttentionPlan(std::move(parts), config);
}

PlanEffects plan_effects(const Model& model,
                         const AttentionPlan& plan,
                         const std::vector<Prompt>& texts,
                         const PlanEffectsOptions& options) {
  if (model.attention_plan() || model.standing()) {
    throw UsageError("a plan is judged in a model as it is otherwise");
  }
  const std::vector<Model> models = changed_models(model, plan, options);
  PlanEffects effects;
  effects.random.resize(models.size() - 1);
  for (const Prompt& text : texts) {
    if (text.tokens.size() < 2) {
      throw UsageError("{}: a text of one token predicts nothing; give at least two", text.id);
    }
    if (options.stop && options.stop()) {
      throw Interrupted();
    }
    const Batch batch({text.tokens});
    const Tensor stream = last_stream(model, batch);
    const TextScores scores(model, text.tokens, stream);
    effects.unchanged_nll.push_back(scores.unchanged_nll());
    for (std::size_t i = 0; i < models.size(); ++i) {
      auto& of = i == 0 ? effects.plan : effects.random[i - 1];
      of.push_back(scores.of(last_stream(models[i], batch), 0).front());
    }
    if (options.each) {
      options.each();
    }
  }
  return effects;
}

}  // namespace headscope
