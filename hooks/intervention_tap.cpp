#include "hooks/intervention_tap.h"

#include <algorithm>
#include <limits>

#include <ATen/ops/clamp.h>

#include "lib/attention/mask.h"
#include "lib/base/error.h"
#include "lib/model/attention_builder.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Stored values, brought to the value's device and dtype, refused if they do not broadcast to it.
Tensor fitted(const Tensor& stored, const Visit& visit, const Tensor& value) {
  const auto have = stored.sizes();
  const auto want = value.sizes();
  bool fits = have.size() <= want.size();
  for (std::size_t i = 0; fits && i < have.size(); ++i) {
    const std::int64_t size = have[have.size() - 1 - i];
    fits = size == 1 || size == want[want.size() - 1 - i];
  }
  if (!fits) {
    throw UsageError("{}: stored values of shape {} do not fit {}",
                     visit.name(),
                     fmt::join(have, "×"),
                     fmt::join(want, "×"));
  }
  return stored.to(value.options()).expand_as(value);
}

// Each column gets the stored prompt's value at the same position; a selected one beyond its end is
// refused. `stored` [L, …].
Tensor by_position(const Tensor& stored,
                   const Visit& visit,
                   const Tensor& value,
                   const Tensor& selected) {
  const BatchLayout& layout = visit.layout;
  const std::int64_t length = stored.size(0);
  const Tensor here = stored.to(value.options());
  std::vector<std::int64_t> one(value.sizes().begin() + 2, value.sizes().end());
  if (!here.sizes().slice(1).equals(one)) {
    throw UsageError("{}: stored values of shape {} a position do not fit {}",
                     visit.name(),
                     fmt::join(here.sizes().slice(1), "×"),
                     fmt::join(one, "×"));
  }
  const Tensor chosen =
      selected.defined() ? selected.expand_as(value).flatten(2).any(2).cpu() : Tensor();
  Tensor out = value.clone();
  for (std::int64_t row = 0; row < layout.rows; ++row) {
    for (std::int64_t column = 0; column < layout.columns; ++column) {
      const std::int64_t position = layout.position(row, column);
      if (position < 0 || (chosen.defined() && !chosen[row][column].item<bool>())) {
        continue;
      }
      if (position >= length) {
        throw UsageError(
            "{}: position {} of prompt {}, but the stored prompt has {} tokens; select positions "
            "that both have",
            visit.name(),
            position,
            layout.prompt(row),
            length);
      }
      out[row][column].copy_(here[position]);
    }
  }
  return out;
}

// x − (x·v̂) v̂ along the last axis, in f32.
Tensor projected_out(const Tensor& value, const Tensor& direction, const Visit& visit) {
  const Tensor v = direction.to(at::kFloat);
  const Tensor squared = (v * v).sum(-1, true);
  if ((squared == 0).any().item<bool>()) {
    throw UsageError("{}: op \"project_out\": the direction is 0", visit.name());
  }
  const Tensor x = value.to(at::kFloat);
  return (x - (x * v).sum(-1, true) / squared * v).to(value.scalar_type());
}

Tensor clamped(const Intervention& what, const Tensor& value) {
  std::optional<at::Scalar> low;
  std::optional<at::Scalar> high;
  if (what.low) {
    low = *what.low;
  }
  if (what.high) {
    high = *what.high;
  }
  return at::clamp(value, low, high);
}

bool of_pairs(Site site) {
  return site == Site::attn_scores || site == Site::pattern;
}

// True where a query sees a key. Broadcasts against scores [B, H, query, key].
Tensor seen_pairs(const Visit& visit, const Tensor& value) {
  const std::int64_t queries = value.size(2);
  const QueryKeys columns{value.size(3) - queries, queries, value.size(3)};
  const LayerConfig& layer = visit.config.layers[static_cast<std::size_t>(visit.point.layer)];
  const Tensor pads =
      visit.layout.padded() ? index_tensor(visit.layout.pads, value.device()) : Tensor();
  Tensor seen = hidden_keys(columns, pads, visible_keys(layer), value.device()).logical_not();
  if (visit.point.site == Site::pattern && pads.defined()) {
    const Tensor query = at::arange(columns.first_query, columns.keys, pads.options());
    // Padding's own rows, which nobody reads, change alike.
    seen = seen.logical_or(query.view({1, 1, -1, 1}) < pads.view({-1, 1, 1, 1}));
  }
  return seen;
}

// What a query cannot see is no part of a selection; `uniform` leaves it the weight 0 by itself.
bool asks_what_is_seen(const Intervention& what, Site site) {
  return of_pairs(site) && what.op != Op::uniform;
}

// The op on the whole value. `numbers`: the stored values, of the value's shape.
Tensor changed(const Intervention& what,
               const Visit& visit,
               const Tensor& value,
               const Tensor& numbers) {
  switch (what.op) {
    case Op::zero:  // not a product with 0, which would leave NaN and infinities standing
      return at::zeros_like(value);
    case Op::mean:
    case Op::resample:
    case Op::replace:
      return numbers;
    case Op::scale:
      return value * what.factor;
    case Op::add:
      return what.factor == 1.0 ? value + numbers : value + numbers * what.factor;
    case Op::project_out:
      return projected_out(value, numbers, visit);
    case Op::clamp:
      return clamped(what, value);
    case Op::mask:
      return at::full(value.sizes(), -kInfinity, value.options());
    case Op::bias:
      return value + what.factor;
    case Op::uniform: {
      const Tensor seen = seen_pairs(visit, value).to(at::kFloat);
      return (seen / seen.sum(-1, true)).to(value.scalar_type()).expand_as(value);
    }
  }
  throw InternalError("an op that nothing does");
}

void check_mask(const Visit& visit, const Tensor& before, const Tensor& after) {
  const Tensor blind = (after == -kInfinity).all(-1).logical_and((before > -kInfinity).any(-1));
  if (!blind.any().item<bool>()) {
    return;
  }
  const Tensor at = blind.nonzero()[0].cpu();  // row, head, query
  const auto row = at[0].item<std::int64_t>();
  const std::int64_t past = before.size(3) - before.size(2);
  throw UsageError(
      "{}: with these pairs masked, the query at position {} of prompt {} sees no key in head {}; "
      "leave it one",
      visit.name(),
      past + at[2].item<std::int64_t>() - visit.layout.pads[static_cast<std::size_t>(row)],
      visit.layout.prompt(row),
      at[1].item<std::int64_t>());
}

Tensor numbers_of(const ResolvedValues& stored,
                  const Visit& visit,
                  const Tensor& value,
                  const Tensor& selected) {
  return stored.along == ResolvedValues::Along::positions
             ? by_position(stored.values, visit, value, selected)
             : fitted(stored.values, visit, value);
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

void InterventionTap::begin(const ModelConfig&) {
  std::erase_if(masks_, [](const auto& entry) { return entry.second.by_position; });
}

const InterventionTap::Mask& InterventionTap::mask_of(const EditGroup& group,
                                                      const Visit& visit,
                                                      const Tensor& value) {
  const auto chooses_positions = [&](std::size_t step) {
    const Selection& where = plan_->step(step).what.where;
    return where.positions || where.pairs;
  };
  const bool by_position = std::any_of(group.begin(), group.end(), chooses_positions);
  const BatchLayout& layout = visit.layout;
  Mask& mask = masks_[{group, visit.point.site, by_position ? layout.past : 0}];
  if (mask.rows == layout.rows && mask.prompts == layout.prompts) {
    return mask;
  }
  apart_.clear();
  mask = {.by_position = by_position, .prompts = layout.prompts, .rows = layout.rows};
  bool everything = false;
  for (const std::size_t step : group) {
    const Selection& where = plan_->step(step).what.where;
    const Tensor own = where.everything() ? Tensor() : selected(where, visit, value);
    if (own.defined() && !own.any().item<bool>()) {
      continue;
    }
    everything = everything || !own.defined();
    mask.of.push_back(step);
    mask.selected = everything                ? Tensor()
                    : mask.selected.defined() ? mask.selected.logical_or(own)
                                              : own;
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
      !apart_.insert({earlier, later, visit.point.site, visit.layout.past}).second) {
    return;
  }
  const Tensor first = selected(plan_->step(earlier).what.where, visit, value);
  const Tensor second = selected(plan_->step(later).what.where, visit, value);
  if (first.logical_and(second).any().item<bool>()) {
    throw UsageError(
        "{} and {} select the same part of {}, where one leaves nothing of the other; let them "
        "select different parts, or the later one less than the earlier one",
        plan_->name(earlier),
        plan_->name(later),
        visit.name());
  }
}

Tensor InterventionTap::changed_by(const EditGroup& group,
                                   const Visit& visit,
                                   const Tensor& value) {
  const EditStep& edit = plan_->step(group.front());
  const Mask& mask = mask_of(group, visit, value);
  Tensor where = mask.selected;
  if (mask.of.empty()) {
    return value;
  }
  const bool pairs = of_pairs(visit.point.site) && !edit.function;
  // Whoever chooses pairs may choose none that is seen; every query sees some key.
  if (pairs && (mask.by_position || asks_what_is_seen(edit.what, visit.point.site))) {
    const Tensor seen = seen_pairs(visit, value);  // windows differ between layers
    where = where.defined() ? where.logical_and(seen) : seen;
  }
  if (pairs && mask.by_position && !where.any().item<bool>()) {
    return value;
  }
  for (const std::size_t step : mask.of) {
    plan_->count(step);
  }
  if (edit.function) {
    const Tensor edited = edited_by(edit.function, visit, value);
    return where.defined() ? at::where(where, edited, value) : edited;
  }
  const Tensor numbers =
      edit.what.values.empty()
          ? Tensor()
          : numbers_of(plan_->values(group.front(), visit.point), visit, value, where);
  const Tensor edited = changed(edit.what, visit, value, numbers);
  const Tensor out = where.defined() ? at::where(where, edited, value) : edited;
  if (edit.what.op == Op::mask) {
    check_mask(visit, value, out);
  }
  return out;
}

Tensor InterventionTap::visit(const Visit& visit, const Tensor& value) {
  Tensor current = value;
  const std::vector<EditGroup>& groups = *plan_->at(visit.point);
  check_meetings(groups, visit, value);
  for (const EditGroup& group : groups) {
    current = changed_by(group, visit, current);
  }
  return current;
}

}  // namespace headscope
