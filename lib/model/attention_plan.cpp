#include "lib/model/attention_plan.h"

#include <algorithm>
#include <map>
#include <set>

#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/model/model_parts.h"
#include "lib/model/require_causal.h"
#include "lib/model/rotary.h"
#include "lib/tensor/convert.h"

namespace headscope {

OperatorPlace operator_place(const ModelConfig& config, std::int64_t layer) {
  const int index = config.layers.at(static_cast<std::size_t>(layer)).rope;
  if (config.positions != Positions::rotary || index == kNoRope) {
    return {.layer = layer};
  }
  const RotaryAngles angles(config.ropes.at(static_cast<std::size_t>(index)), at::kCPU);
  if (angles.depends_on_length()) {
    return {.layer = layer};
  }
  KeyRotation rotation{.pairs = angles.rope().pairs == RopePairs::halves
                                    ? KeyRotation::Pairs::halves
                                    : KeyRotation::Pairs::adjacent,
                       .base = angles.rope().base};
  for (const float each : to_floats(angles.frequencies(0))) {
    rotation.frequencies.push_back(each);
  }
  return {.layer = layer, .rotation = rotation};
}

AttentionPlan::AttentionPlan(std::vector<Part> parts, const ModelConfig& config)
    : parts_(std::move(parts)), grid_{config.n_layers, config.n_heads} {
  if (!is_causal(config)) {
    throw UsageError(
        "operators choose among the keys before a query, and this model's queries see later ones");
  }
  std::set<HeadId> taken;
  for (const Part& part : parts_) {
    for (const HeadId& head : part.heads) {
      if (!grid_.contains(head)) {
        throw UsageError("operator {}: there is no head {} in {} layers of {} heads",
                         part.choice.kind->name,
                         to_string(head),
                         grid_.n_layers,
                         grid_.n_heads);
      }
      if (!taken.insert(head).second) {
        throw UsageError("head {} has two operators, the second {}; give it one",
                         to_string(head),
                         to_string(part.choice));
      }
    }
  }
  if (taken.empty()) {
    throw UsageError("an attention plan that gives no head an operator");
  }
}

std::vector<std::shared_ptr<const HeadOperator>> AttentionPlan::operators(
    std::int64_t layer, const ModelConfig& config) const {
  std::vector<std::shared_ptr<const HeadOperator>> of_heads(
      static_cast<std::size_t>(grid_.n_heads));
  bool any = false;
  for (const Part& part : parts_) {
    std::shared_ptr<const HeadOperator> shared;
    for (const HeadId& head : part.heads) {
      if (head.layer == layer) {
        shared = shared ? shared : part.choice.make(operator_place(config, layer));
        of_heads[static_cast<std::size_t>(head.head)] = shared;
        any = true;
      }
    }
  }
  return any ? of_heads : std::vector<std::shared_ptr<const HeadOperator>>();
}

std::vector<std::string> AttentionPlan::untrained() const {
  std::vector<std::string> lines;
  for (const Part& part : parts_) {
    std::string line = fmt::format("{}: {}", part.choice.kind->name, part.choice.kind->untrained);
    if (!part.choice.kind->untrained.empty() && std::ranges::find(lines, line) == lines.end()) {
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

Json AttentionPlan::description() const {
  Json operators = Json::array();
  for (const Part& part : parts_) {
    std::map<std::int64_t, std::vector<std::int64_t>> by_layer;
    for (const HeadId& head : part.heads) {
      by_layer[head.layer].push_back(head.head);
    }
    for (const auto& [layer, heads] : by_layer) {
      Json one = to_json(part.choice);
      one["layers"] = layer;
      one["heads"] = heads;
      operators.push_back(std::move(one));
    }
  }
  return operators;
}

std::string AttentionPlan::hash() const {
  return Hasher().update(description().dump()).digest();
}

OrderedJson plan_document(const AttentionPlan& plan, const Model& model) {
  const ModelConfig& c = model.config();
  return {{"format", "headscope-attention-plan"},
          {"version", 1},
          {"model",
           {{"name", model.source().name},
            {"n_layers", c.n_layers},
            {"n_heads", c.n_heads},
            {"n_kv_heads", c.n_kv_heads},
            {"weights_hash", model.source().weights_hash}}},
          {"operators", OrderedJson::parse(plan.description().dump())}};
}

Model with_attention(const Model& model, std::shared_ptr<const AttentionPlan> plan) {
  Model::Parts parts = parts_of(model);
  parts.attention_plan = std::move(plan);
  return Model(std::move(parts)).with(model.standing());
}

}  // namespace headscope
