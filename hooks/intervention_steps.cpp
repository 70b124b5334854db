// What interventions do in a step of decoding that is recorded once and replayed: what differs from
// step to step is worked out on the host before each and put where the launches read it.
#include <ATen/ops/stack.h>

#include "hooks/intervention_tap.h"
#include "hooks/strength.h"
#include "lib/attention/attention.h"
#include "lib/base/error.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// A value's shape without its numbers: what selections and strengths ask for.
Tensor shaped(at::IntArrayRef sizes) {
  return at::zeros({1}).expand(sizes);
}

// Memory of the host that is not pinned is staged when this returns.
void put(const Tensor& from, const Tensor& to) {
  to.copy_(from, true);
}

PlacedQuery placed_query(const BatchLayout& layout, const at::Device& device) {
  return {.column = index_tensor({layout.past}, device), .pads = index_tensor(layout.pads, device)};
}

}  // namespace

void InterventionTap::step_begins(const BatchLayout& layout) {
  forget_pass();
  for (auto& [key, part] : steps_.parts) {
    fill(key.first, part, layout);
  }
  for (const auto& [point, sizes] : steps_.meetings) {
    const Visit visit{{point.first, point.second}, layout, *config_};
    check_meetings(*plan_->at(visit.point), visit, shaped(sizes));
  }
  for (auto& [key, scores] : steps_.scores) {
    fill(key.first, scores, layout);
  }
  if (steps_.query.column.defined()) {
    const PlacedQuery now = placed_query(layout, at::kCPU);
    put(now.column, steps_.query.column);
    put(now.pads, steps_.query.pads);
  }
  steps_.announced = true;
}

void InterventionTap::step_ended() {
  steps_.announced = false;
  steps_.settled = true;
  std::vector<Tensor> met;
  for (const PlacedChange& change : steps_.changes) {
    if (change.met.defined()) {
      met.push_back(change.met);
    }
  }
  const Tensor held = met.empty() ? Tensor() : at::stack(met).cpu();
  std::int64_t next = 0;
  for (const PlacedChange& change : steps_.changes) {
    if (change.met.defined() && !held.const_data_ptr<bool>()[next++]) {
      continue;
    }
    for (const std::size_t step : change.of_step == nullptr ? change.of : *change.of_step) {
      plan_->count(step);
    }
  }
}

void InterventionTap::recording_failed() {
  steps_ = {};
  masks_.clear();
  apart_.clear();
  placed_.clear();
}

// What comes to the device in a step that is recorded breaks the recording: an error with a name
// tells more than that of the device.
void InterventionTap::check_first_step(const Visit& visit) const {
  if (steps_.settled) {
    throw InternalError("{}: changed first in a step behind the first one", visit.name());
  }
}

InterventionTap::Part InterventionTap::placed_part_of(const EditGroup& group,
                                                      const Visit& visit,
                                                      const Tensor& value) {
  const Intervention& what = plan_->step(group.front()).what;
  Part part{.any = true};
  PlacedChange change;
  if (plan_->alike_for_written(group)) {
    const Mask& mask = mask_of(group, visit, value);
    if (mask.of.empty()) {
      return {};
    }
    change.of = mask.of;
    part.chosen = mask.selected;
  } else {
    const PlacedPart& here = placed_part(group, visit, value);
    change.of_step = &here.of;
    part.chosen = here.selected;
    part.strength = here.strength;
  }
  part.where = part.chosen;
  if (what.when) {
    const Tensor holding = where_it_holds(*what.when, visit, value);
    part.where = part.where.defined() ? part.where.logical_and(holding) : holding;
    change.met = part.where.any();
  }
  steps_.changes.push_back(change);
  return part;
}

PlacedPart& InterventionTap::placed_part(const EditGroup& group,
                                         const Visit& visit,
                                         const Tensor& value) {
  const auto [found, fresh] = steps_.parts.try_emplace({group, visit.point.site});
  PlacedPart& part = found->second;
  if (!fresh) {
    return part;
  }
  check_first_step(visit);
  part = {.point = visit.point, .sizes = value.sizes().vec()};
  Tensor shape;
  for (const std::size_t step : group) {
    const Tensor own = plan_->selected(step, visit, value);
    shape = shape.defined() ? shape.logical_or(own) : own;
  }
  part.selected = at::empty(shape.sizes(), value.options().dtype(at::kBool));
  if (const auto& schedule = plan_->step(group.front()).what.schedule) {
    part.strength = strengths(*schedule, visit, value);
  }
  fill(group, part, visit.layout);
  return part;
}

void InterventionTap::fill(const EditGroup& group, PlacedPart& part, const BatchLayout& layout) {
  const Visit visit{part.point, layout, *config_};
  const Tensor value = shaped(part.sizes);
  const Mask& mask = mask_of(group, visit, value);
  part.of = mask.of;
  if (mask.selected.defined() && !mask.of.empty()) {
    put(mask.selected, part.selected);
  } else {
    part.selected.fill_(!mask.of.empty());
  }
  if (part.strength.defined()) {
    put(strengths(*plan_->step(group.front()).what.schedule, visit, value), part.strength);
  }
}

void InterventionTap::note_meetings(const std::vector<EditGroup>& groups,
                                    const Visit& visit,
                                    const Tensor& value) {
  const std::pair key{visit.point.site, visit.point.layer};
  if (groups.size() > 1 && steps_.meetings.emplace(key, value.sizes().vec()).second) {
    check_meetings(groups, visit, value);
  }
}

// What the query attends to, by its pattern: one row of numbers a head.
void InterventionTap::show_placed_attention(const Visit& visit, const AttentionInputs& in) {
  if (!steps_.query.column.defined()) {
    check_first_step(visit);
    steps_.query = placed_query(visit.layout, in.q.device());
  }
  steps_.pattern = attention_pattern(attention_scores(in), in.spec);
}

void InterventionTap::change_placed_scores(const std::vector<EditGroup>& groups,
                                           const Visit& visit,
                                           AttentionInputs& in) {
  const auto [found, fresh] = steps_.scores.try_emplace({groups, in.spec.window});
  PlacedScores& scores = found->second;
  if (fresh) {
    check_first_step(visit);
    scores = {.point = visit.point, .rows = in.q.size(0), .heads = in.q.size(2)};
    const auto options = in.q.options().dtype(at::kFloat);
    for (const EditGroup& group : groups) {
      const bool scales = plan_->step(group.front()).what.op == Op::temperature;
      (scales ? scores.scale : scores.bias) =
          at::empty({scores.rows, scores.heads, 1, scales ? 1 : in.k.size(1)}, options);
    }
    fill(groups, scores, visit.layout);
  }
  if (scores.scale.defined()) {
    scale_scores(in, scores.scale);
  }
  if (scores.bias.defined()) {
    add_to_scores(in, scores.bias);
  }
  steps_.changes.push_back({.of_step = &scores.of});
}

void InterventionTap::fill(const std::vector<EditGroup>& groups,
                           PlacedScores& scores,
                           const BatchLayout& layout) {
  const std::int64_t keys = layout.keys();
  const AttentionInputs in{.q = shaped({scores.rows, 1, scores.heads, 1}),
                           .k = shaped({scores.rows, keys, 1, 1}),
                           .v = {},
                           .spec = {},
                           .hidden = {}};
  const FusedChange change = fused_change(groups, {scores.point, layout, *config_}, in);
  scores.of = change.of;
  if (scores.scale.defined()) {
    put(change.scale.defined() ? change.scale : at::ones({1}), scores.scale);
  }
  if (scores.bias.defined()) {
    scores.bias.zero_();
    if (change.bias.defined()) {
      put(change.bias, scores.bias.narrow(3, 0, keys));
    }
  }
}

}  // namespace headscope
