#include "hooks/intervention_tap.h"

#include <algorithm>
#include <utility>

#include <fmt/ranges.h>

#include <ATen/core/grad_mode.h>

#include "hooks/intervention_ops.h"
#include "hooks/pattern_ops.h"
#include "hooks/sae_edit.h"
#include "hooks/strength.h"
#include "lib/attention/attention.h"
#include "lib/base/error.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

bool of_pairs(Site site) {
  return site == Site::attn_scores || site == Site::pattern;
}

// What a query cannot see is no part of a selection; `uniform` leaves it the weight 0 by itself.
bool asks_what_is_seen(const Intervention& what, Site site) {
  return of_pairs(site) && what.op != Op::uniform;
}

// Places that are not the first column of one pass.
constexpr std::int64_t kAnywhere = -1;
constexpr std::int64_t kAmongWritten = -2;

// Whether the pass is of tokens alone that the model wrote.
bool all_written(const BatchLayout& layout) {
  for (std::int64_t row = 0; row < layout.rows; ++row) {
    const RowText* text = layout.text(row);
    if (text == nullptr || layout.position(row, 0) < text->prompt_tokens) {
      return false;
    }
  }
  return true;
}

Tensor edited_by(const EditFunction& function, const Visit& visit, const Tensor& value) {
  Tensor edited = function(visit, value);
  if (!edited.sizes().equals(value.sizes())) {
    throw UsageError("{}: an edit returned {} where the value is {}",
                     visit.name(),
                     fmt::join(edited.sizes(), "×"),
                     fmt::join(value.sizes(), "×"));
  }
  return edited;
}

}  // namespace

void InterventionTap::begin(const ModelConfig& config) {
  config_ = &config;
  forget_pass();
  steps_.running = std::exchange(steps_.announced, false);
  steps_.changes.clear();
}

void InterventionTap::forget_pass() {
  fused_.clear();
  std::erase_if(masks_, [](const auto& entry) { return entry.second.of_pass; });
}

// What tells the places apart of which these steps select differently: the first column of a pass,
// or one number for all passes.
std::int64_t InterventionTap::place_of(const std::vector<std::size_t>& steps,
                                       const Visit& visit) const {
  const auto where = [&](std::size_t step) -> const Selection& {
    return plan_->step(step).what.where;
  };
  const auto anywhere = [&](std::size_t step) { return !where(step).by_position(); };
  const auto alike = [&](std::size_t step) { return where(step).alike_for_written(); };
  if (std::all_of(steps.begin(), steps.end(), anywhere)) {
    return kAnywhere;
  }
  return info(visit.point.site).axis(Axis::pos) >= 0 && all_written(visit.layout) &&
                 std::all_of(steps.begin(), steps.end(), alike)
             ? kAmongWritten
             : visit.layout.past;
}

const InterventionTap::Mask& InterventionTap::mask_of(const EditGroup& group,
                                                      const Visit& visit,
                                                      const Tensor& value) {
  const std::int64_t place = place_of(group, visit);
  const BatchLayout& layout = visit.layout;
  Mask& mask = masks_[{group, visit.point.site, place}];
  if (mask.rows == layout.rows && mask.prompts == layout.prompts) {
    return mask;
  }
  apart_.clear();
  mask = {.of_pass = place >= 0, .prompts = layout.prompts, .rows = layout.rows};
  bool everything = false;
  for (const std::size_t step : group) {
    const Selection& where = plan_->step(step).what.where;
    Tensor own = where.everything() ? Tensor() : plan_->selected(step, visit, value);
    if (own.defined() && !own.any().item<bool>()) {
      continue;
    }
    if (own.defined() && own.all().item<bool>()) {  // of a step of decoding, mostly
      own = Tensor();
    }
    everything = everything || !own.defined();
    mask.of.push_back(step);
    mask.selected = everything                ? Tensor()
                    : mask.selected.defined() ? mask.selected.logical_or(own)
                                              : own;
  }
  if (mask.selected.defined()) {
    mask.selected = mask.selected.to(value.device());
  }
  return mask;
}

void InterventionTap::check_meetings(const std::vector<EditGroup>& groups,
                                     const Visit& visit,
                                     const Tensor& value) {
  for (std::size_t later = 1; later < groups.size(); ++later) {
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      for (const std::size_t a : mask_of(groups[earlier], visit, value).of) {
        for (const std::size_t b : mask_of(groups[later], visit, value).of) {
          check_apart(a, b, visit, value);
        }
      }
    }
  }
}

void InterventionTap::check_apart(std::size_t earlier,
                                  std::size_t later,
                                  const Visit& visit,
                                  const Tensor& value) {
  if (plan_->may_meet(earlier, later) ||
      !apart_.insert({earlier, later, visit.point.site, place_of({earlier, later}, visit)})
           .second) {
    return;
  }
  const Tensor first = plan_->selected(earlier, visit, value);
  const Tensor second = plan_->selected(later, visit, value);
  if (first.logical_and(second).any().item<bool>()) {
    throw UsageError(
        "{} and {} select the same part of {}, where one leaves nothing of the other; let them "
        "select different parts, or the later one less than the earlier one",
        plan_->name(earlier),
        plan_->name(later),
        visit.name());
  }
}

InterventionTap::Part InterventionTap::part_of(const EditGroup& group,
                                               const Visit& visit,
                                               const Tensor& value) {
  const EditStep& edit = plan_->step(group.front());
  const Mask& mask = mask_of(group, visit, value);
  if (mask.of.empty()) {
    return {};
  }
  Tensor where = mask.selected;
  if (where.defined()) {
    where = where.to(value.device());  // layers may lie on several devices
  }
  const bool pairs = of_pairs(visit.point.site) && !edit.function;
  // Whoever chooses pairs may choose none that is seen; every query sees some key.
  if (pairs && (mask.of_pass || asks_what_is_seen(edit.what, visit.point.site))) {
    const Tensor seen = seen_pairs(visit, value);  // windows differ between layers
    where = where.defined() ? where.logical_and(seen) : seen;
  }
  if (edit.what.when) {
    const Tensor holding = where_it_holds(*edit.what.when, visit, value);
    where = where.defined() ? where.logical_and(holding) : holding;
  }
  if (((pairs && mask.of_pass) || edit.what.when) && !where.any().item<bool>()) {
    return {};
  }
  for (const std::size_t step : mask.of) {
    plan_->count(step);
  }
  return {.any = true,
          .chosen = mask.selected,
          .where = where,
          .strength = edit.what.schedule ? strengths(*edit.what.schedule, visit, value) : Tensor()};
}

Tensor InterventionTap::changed_by(const EditGroup& group,
                                   const Visit& visit,
                                   const Tensor& value) {
  const EditStep& edit = plan_->step(group.front());
  const Part part =
      steps_.running ? placed_part_of(group, visit, value) : part_of(group, visit, value);
  if (!part.any) {
    return value;
  }
  const Tensor& where = part.where;
  if (edit.function) {
    const Tensor edited = edited_by(edit.function, visit, value);
    return where.defined() ? at::where(where, edited, value) : edited;
  }
  const Tensor numbers = numbers_of(group.front(), visit, value, where);
  const Tensor edited =
      edit.what.sae
          ? changed_codes(plan_->sae(group.front(), value.device()), *edit.what.sae, value, numbers)
          : changed(edit.what, visit, value, numbers, part.strength);
  const Tensor out = where.defined() ? at::where(where, edited, value) : edited;
  if (edit.what.op == Op::mask) {
    check_sighted(visit, value, out);
  } else if (edit.what.op == Op::set_row) {
    check_rows(visit, out, part.chosen);
  }
  return out;
}

Tensor InterventionTap::numbers_of(std::size_t step,
                                   const Visit& visit,
                                   const Tensor& value,
                                   const Tensor& where) {
  const Intervention& what = plan_->step(step).what;
  if (what.values.empty()) {
    return {};
  }
  ResolvedValues& here = placed_[{step, visit.point.site, visit.point.layer}];
  if (!here.values.defined() || here.values.device() != value.device()) {
    here = placed(what, plan_->values(step, visit.point), value);
  }
  return numbers_for(what, here, visit, value, where);
}

void InterventionTap::visit_attention(const Visit& visit, const AttentionInputs& in) {
  const at::NoGradGuard no_grad;
  if (steps_.running) {
    return show_placed_attention(visit, in);
  }
  const BatchLayout& layout = visit.layout;
  attended_ = attention_statistics(
      {.q = in.q.detach(),
       .k = in.k.detach(),
       .spec = in.spec,
       .score_scale = in.score_scale,
       .bias = in.bias,
       .pads = layout.padded() ? index_tensor(layout.pads, in.q.device()) : Tensor(),
       .lse = in.lse},
      head_statistics_request());
}

// Broadcasts against the value.
Tensor InterventionTap::where_it_holds(const HeadCondition& condition,
                                       const Visit& visit,
                                       const Tensor& value) const {
  if (visit.point.site == Site::pattern) {
    return holds(condition, visit, value).unsqueeze(-1);
  }
  if (steps_.running) {
    return holds(condition, steps_.query, steps_.pattern).transpose(1, 2).unsqueeze(-1);
  }
  return holds(condition, visit, attended_).transpose(1, 2).unsqueeze(-1);
}

Tensor InterventionTap::visit(const Visit& visit, const Tensor& value) {
  Tensor current = value;
  const std::vector<EditGroup>& groups = *plan_->at(visit.point);
  if (steps_.running) {
    note_meetings(groups, visit, value);
  } else {
    check_meetings(groups, visit, value);
  }
  for (const EditGroup& group : groups) {
    current = changed_by(group, visit, current);
  }
  return current;
}

}  // namespace headscope
