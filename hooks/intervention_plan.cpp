#include "hooks/intervention_plan.h"

#include <algorithm>

#include "hooks/address.h"
#include "hooks/intervention_checks.h"
#include "hooks/intervention_ops.h"
#include "hooks/sae_edit.h"
#include "lib/base/error.h"
#include "lib/model/standing_change.h"

namespace headscope {
namespace {

void check_layers(const Intervention& what, const ModelConfig& config) {
  for (const std::int64_t layer : what.layers.value_or(std::vector<std::int64_t>{})) {
    if (layer < 0 || layer >= config.n_layers) {
      throw UsageError("{}: layer {} is out of range; the model has {} layers, 0 to {}",
                       what.site,
                       layer,
                       config.n_layers,
                       config.n_layers - 1);
    }
  }
}

// What was there before is gone.
bool puts_in_place(Op op) {
  return op == Op::zero || op == Op::mean || op == Op::resample || op == Op::replace ||
         op == Op::uniform || op == Op::set_row;
}

// Two that come to one: a part that either selects becomes the same, whichever is first.
bool come_to_one(const EditStep& a, const EditStep& b) {
  const Op op = a.what.op;
  return !a.function && !b.function && !a.what.when && !b.what.when &&
         (puts_in_place(op) || op == Op::mask) && op == b.what.op && a.what.values == b.what.values;
}

// Tokens that were given by what they say become ids.
void resolve_texts(TokenSet& set, const std::string& site, const Tokenizer* tokenizer) {
  for (const std::string& text : set.token_texts) {
    if (tokenizer == nullptr) {
      throw UsageError(
          "{}: token \"{}\": there is no tokenizer to look it up; give its id", site, text);
    }
    const auto id = tokenizer->single(text);
    if (!id) {
      throw UsageError(
          "{}: \"{}\" is not one token of this model; choose the tokens it occurs in by "
          "{{\"text\": \"{}\"}}",
          site,
          text,
          text);
    }
    set.tokens.push_back(*id);
  }
  set.token_texts.clear();
}

void resolve_texts(TokenChoice& choice, const std::string& site, const Tokenizer* tokenizer) {
  for (std::optional<TokenSet>* set : {&choice.positions, &choice.except}) {
    if (*set) {
      resolve_texts(**set, site, tokenizer);
    }
  }
}

std::vector<HookPoint> points_of(const Intervention& what, const ModelConfig& config) {
  check_layers(what, config);
  std::vector<HookPoint> points = resolve_hooks(what.site, config);
  if (what.layers) {
    for (const std::int64_t layer : *what.layers) {
      if (std::none_of(
              points.begin(), points.end(), [&](HookPoint p) { return p.layer == layer; })) {
        throw UsageError(
            "{}: names no hook point of layer {}; widen it, for example with "
            "blocks.*, or leave the layer out",
            what.site,
            layer);
      }
    }
    std::erase_if(points, [&](HookPoint p) {
      return std::find(what.layers->begin(), what.layers->end(), p.layer) == what.layers->end();
    });
  }
  return points;
}

}  // namespace

InterventionPlan::InterventionPlan(std::vector<EditStep> steps,
                                   const NamedValues& named,
                                   const ModelConfig& config,
                                   const std::string& weights_hash,
                                   std::optional<Tokenizer> tokenizer)
    : steps_(std::move(steps)),
      tokenizer_(std::move(tokenizer)),
      fired_(std::make_shared<std::vector<std::atomic<std::int64_t>>>(steps_.size())) {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    Intervention& what = steps_[i].what;
    if (!steps_[i].function) {
      check_op(what);
    }
    for (TokenChoice* choice : {&what.where.apply, &what.where.keys}) {
      resolve_texts(*choice, what.site, tokenizer_ ? &*tokenizer_ : nullptr);
    }
    for (const HookPoint point : points_of(what, config)) {
      check(what.where, point, config);
      const Key key{point.site, point.layer};
      if (!steps_[i].function) {
        check_op_at(what, point);
        if (what.sae) {
          saes_->of_steps.insert_or_assign(i, sae_for(*what.sae, point, config));
        }
        if (!what.values.empty()) {
          ResolvedValues ready =
              made_ready(what, resolved_values(what, point, named, weights_hash));
          check_values_fit(what, point, ready, config);
          values_[{i, key}] = std::move(ready);
        }
      }
      std::vector<EditGroup>& groups = steps_at_[key];
      if (!groups.empty() && come_to_one(steps_[groups.back().back()], steps_[i])) {
        groups.back().push_back(i);
      } else {
        groups.push_back({i});
      }
      points_.push_back(point);
    }
  }
}

const std::vector<EditGroup>* InterventionPlan::at(HookPoint point) const {
  const auto found = steps_at_.find({point.site, point.layer});
  return found == steps_at_.end() ? nullptr : &found->second;
}

bool InterventionPlan::changes_scores_fused(int layer) const {
  const std::vector<EditGroup>* groups = at({Site::attn_scores, layer});
  return groups != nullptr &&
         std::all_of(groups->begin(), groups->end(), [&](const EditGroup& group) {
           const EditStep& edit = steps_[group.front()];
           return !edit.function && headscope::changes_scores_fused(edit.what.op);
         });
}

bool InterventionPlan::asks_statistics(int layer) const {
  for (const Site site : {Site::z, Site::result}) {
    const std::vector<EditGroup>* groups = at({site, layer});
    for (std::size_t i = 0; groups != nullptr && i < groups->size(); ++i) {
      if (steps_[(*groups)[i].front()].what.when) {
        return true;
      }
    }
  }
  return false;
}

bool InterventionPlan::alike_for_written(const EditGroup& group) const {
  return std::all_of(group.begin(), group.end(), [&](std::size_t step) {
    const Intervention& what = steps_[step].what;
    return !what.schedule && what.where.alike_for_written();
  });
}

bool InterventionPlan::replayable() const {
  const auto by_operations = [](const EditStep& step) { return !step.function && !step.what.sae; };
  const auto along_positions = [](const auto& entry) {
    return entry.second.along == ResolvedValues::Along::positions;
  };
  return std::all_of(steps_.begin(), steps_.end(), by_operations) &&
         std::none_of(values_.begin(), values_.end(), along_positions);
}

const ResolvedValues& InterventionPlan::values(std::size_t step, HookPoint point) const {
  return values_.at({step, {point.site, point.layer}});
}

Sae InterventionPlan::sae(std::size_t step, const at::Device& device) const {
  const std::lock_guard lock(saes_->mutex);
  Sae& here = saes_->of_steps.at(step);
  if (here.weights().W_enc.device() != device) {
    here = here.to(device, at::kFloat);
  }
  return here;
}

Tensor InterventionPlan::selected(std::size_t step, const Visit& visit, const Tensor& value) const {
  return headscope::selected(
      steps_[step].what.where, visit, value, tokenizer_ ? &*tokenizer_ : nullptr);
}

std::string InterventionPlan::name(std::size_t step) const {
  const EditStep& edit = steps_[step];
  return fmt::format("intervention {} ({} of {})",
                     step,
                     edit.function ? "a function" : to_string(edit.what.op),
                     edit.what.site);
}

bool InterventionPlan::may_meet(std::size_t earlier, std::size_t later) const {
  const EditStep& first = steps_[earlier];
  const EditStep& second = steps_[later];
  if (first.function || second.function) {
    return true;
  }
  const bool inside = is_within(second.what.where, first.what.where);
  const bool masked = first.what.op == Op::mask;
  // A bound would let a masked pair be seen again.
  if (puts_in_place(second.what.op) || second.what.op == Op::mask ||
      (masked && second.what.op == Op::clamp)) {
    return inside && !is_within(first.what.where, second.what.where);
  }
  return !masked || !inside;
}

std::vector<HookPoint> InterventionPlan::points(std::size_t step) const {
  std::vector<HookPoint> out;
  for (const HookPoint point : points_) {
    const bool known = std::find(out.begin(), out.end(), point) != out.end();
    for (const EditGroup& group : *at(point)) {
      if (!known && std::find(group.begin(), group.end(), step) != group.end()) {
        out.push_back(point);
      }
    }
  }
  return out;
}

void InterventionPlan::check_fired() const {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (fired(i) == 0) {
      throw_never_fired(name(i));
    }
  }
}

std::vector<EditStep> steps_of(const std::vector<Intervention>& interventions) {
  std::vector<EditStep> steps;
  for (const Intervention& what : interventions) {
    steps.push_back({what});
  }
  return steps;
}

InterventionPlan plan_of(const std::vector<Intervention>& interventions,
                         const Model& model,
                         const NamedValues& named) {
  return {steps_of(interventions),
          named,
          model.config(),
          model.source().weights_hash,
          model.has_tokenizer() ? std::optional(model.tokenizer()) : std::nullopt};
}

}  // namespace headscope
