#include "hooks/intervention_ops.h"

#include <cmath>
#include <limits>

#include <fmt/ranges.h>

#include <ATen/ops/clamp.h>
#include <ATen/ops/linalg_qr.h>

#include "hooks/pattern_ops.h"
#include "hooks/strength.h"
#include "lib/attention/mask.h"
#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/model/attention_builder.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Stored values, brought to the value's device and dtype, refused if they do not broadcast to it.
Tensor broadcast(const Tensor& stored, const Visit& visit, const Tensor& value) {
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
            "{}: position {} of prompt {}, but the stored prompt has {}; select positions "
            "that both have",
            visit.name(),
            position,
            layout.prompt(row),
            counted(length, "token"));
      }
      out[row][column].copy_(here[position]);
    }
  }
  return out;
}

// `directions` [..., d]
void check_directions(const Tensor& directions, const std::string& site) {
  const Tensor v = directions.to(at::kFloat);
  if (((v * v).sum(-1) == 0).any().item<bool>()) {
    throw UsageError("{}: op \"project_out\": the direction is 0", site);
  }
}

// x − (x·v̂) v̂ along the last axis, in f32.
Tensor projected_out(const Tensor& value, const Tensor& direction) {
  const Tensor v = direction.to(at::kFloat);
  const Tensor squared = (v * v).sum(-1, true);
  const Tensor x = value.to(at::kFloat);
  return (x - (x * v).sum(-1, true) / squared * v).to(value.scalar_type());
}

// Directions [r, d], or [heads, r, d], to the projection on their span.
Tensor projection_on(const Tensor& directions, const std::string& site) {
  if (directions.dim() < 2 || directions.dim() > 3 || directions.size(-2) > directions.size(-1)) {
    throw UsageError(
        "{}: op \"low_rank\": directions of shape {} are not [r, d] or [heads, r, d] with r up to "
        "d",
        site,
        fmt::join(directions.sizes(), "×"));
  }
  const Tensor columns = directions.to(at::kCPU, at::kDouble).transpose(-2, -1);
  const auto [basis, triangle] = at::linalg_qr(columns);
  const Tensor diagonal = triangle.diagonal(0, -2, -1).abs();
  if ((diagonal <= 1e-6 * columns.norm(2, -2)).any().item<bool>()) {
    throw UsageError("{}: op \"low_rank\": the directions are not independent", site);
  }
  return at::matmul(basis, basis.transpose(-2, -1)).to(at::kFloat);
}

Tensor fitted_projection(const Tensor& projection, const Visit& visit, const Tensor& value) {
  const bool one = projection.dim() == 2;
  const bool fits = projection.size(-1) == value.size(-1) &&
                    (one || (value.dim() > 2 && projection.size(0) == value.size(-2)));
  if (!fits) {
    throw UsageError("{}: op \"low_rank\": directions of {} numbers{} do not fit {}",
                     visit.name(),
                     projection.size(-1),
                     one ? "" : fmt::format(" for {}", counted(projection.size(0), "head")),
                     fmt::join(value.sizes(), "×"));
  }
  return projection;
}

// x Q Qᵀ along the last axis, in f32.
Tensor projected_on(const Tensor& value, const Tensor& projection) {
  const Tensor x = value.to(at::kFloat).unsqueeze(-2);
  return at::matmul(x, projection).squeeze(-2).to(value.scalar_type());
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

Tensor added(const Intervention& what,
             const Tensor& value,
             const Tensor& numbers,
             const Tensor& strength) {
  if (strength.defined()) {
    return (value + numbers * strength).to(value.scalar_type());
  }
  return what.factor == 1.0 ? value + numbers : value + numbers * what.factor;
}

// `blind` [B or 1, H or 1, query]: the queries that see nothing, the first of which is column
// `past`.
void refuse_blind(const Visit& visit, const Tensor& blind, std::int64_t past) {
  if (!blind.any().item<bool>()) {
    return;
  }
  const Tensor at = blind.nonzero()[0].cpu();
  const auto row = at[0].item<std::int64_t>();
  throw UsageError(
      "{}: with these pairs masked, the query at position {} of prompt {} sees no key in head {}; "
      "leave it one",
      visit.name(),
      past + at[2].item<std::int64_t>() - visit.layout.pads[static_cast<std::size_t>(row)],
      visit.layout.prompt(row),
      at[1].item<std::int64_t>());
}

}  // namespace

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

ResolvedValues made_ready(const Intervention& what, ResolvedValues stored) {
  if (what.op == Op::low_rank) {
    stored.values = projection_on(stored.values, what.site);
  } else if (what.op == Op::set_row) {
    check_weights(stored.values, what.site);
  } else if (what.op == Op::project_out) {
    check_directions(stored.values, what.site);
  }
  return stored;
}

ResolvedValues placed(const Intervention& what, const ResolvedValues& stored, const Tensor& value) {
  if (what.op == Op::low_rank) {
    return {stored.values.to(value.device()), stored.along};
  }
  return what.op == Op::set_row ? stored
                                : ResolvedValues{stored.values.to(value.options()), stored.along};
}

Tensor numbers_for(const Intervention& what,
                   const ResolvedValues& stored,
                   const Visit& visit,
                   const Tensor& value,
                   const Tensor& selected) {
  if (what.op == Op::low_rank) {
    return fitted_projection(stored.values.to(value.device()), visit, value);
  }
  if (what.op == Op::set_row) {
    return stored.values;
  }
  return stored.along == ResolvedValues::Along::positions
             ? by_position(stored.values, visit, value, selected)
             : broadcast(stored.values, visit, value);
}

Tensor changed(const Intervention& what,
               const Visit& visit,
               const Tensor& value,
               const Tensor& numbers,
               const Tensor& strength) {
  switch (what.op) {
    case Op::zero:  // not a product with 0, which would leave NaN and infinities standing
      return at::zeros_like(value);
    case Op::mean:
    case Op::resample:
    case Op::replace:
      return numbers;
    case Op::scale:
      return strength.defined() ? (value * strength).to(value.scalar_type()) : value * what.factor;
    case Op::add:
      return added(what, value, numbers, strength);
    case Op::project_out:
      return projected_out(value, numbers);
    case Op::low_rank:
      return projected_on(value, numbers);
    case Op::clamp:
      return clamped(what, value);
    case Op::mask:
      return at::full(value.sizes(), -kInfinity, value.options());
    case Op::bias:
      return strength.defined() ? value + strength : value + what.factor;
    case Op::temperature:
      return value / what.factor;
    case Op::renormalize:
      return strength.defined() ? value + strength.log() : value + std::log(what.factor);
    case Op::sae:
      throw InternalError("an autoencoder that nobody read");  // changed_codes() does it
    case Op::uniform: {
      const Tensor seen = seen_pairs(visit, value).to(at::kFloat);
      return (seen / seen.sum(-1, true)).to(value.scalar_type()).expand_as(value);
    }
    case Op::top_k:
      return strongest_weights(value, what.k);
    case Op::set_row:
      return given_weights(visit, value, numbers);
    case Op::calibrate_sinks:
      return calibrated_sinks(visit, value, {.threshold = what.threshold, .factor = what.factor});
  }
  throw InternalError("an op that nothing does");
}

void check_sighted(const Visit& visit, const Tensor& before, const Tensor& after) {
  const Tensor blind = (after == -kInfinity).all(-1).logical_and((before > -kInfinity).any(-1));
  refuse_blind(visit, blind, before.size(3) - before.size(2));
}

void check_sighted_with(const Visit& visit, const Tensor& bias, const Tensor& seen) {
  const Tensor open = (bias > -kInfinity).to(at::kFloat).expand({-1, -1, -1, seen.size(3)});
  const Tensor left = open.size(2) == 1
                          ? at::matmul(seen.to(at::kFloat), open.transpose(2, 3)).squeeze(-1)
                          : (open * seen).sum(-1);
  refuse_blind(visit, left == 0, seen.size(3) - seen.size(2));
}

void change_scores_by_op(const Intervention& what,
                         const Visit& visit,
                         const Tensor& scores,
                         const Tensor& selected,
                         AttentionInputs& in) {
  const auto where_selected = [&](const Tensor& there, double elsewhere) {
    return selected.defined() ? at::where(selected, there, elsewhere) : there;
  };
  const auto number = [&](double each) { return at::full({1, 1, 1, 1}, each, scores.options()); };
  const Tensor strength =
      what.schedule ? strengths(*what.schedule, visit, scores) : number(what.factor);
  switch (what.op) {
    case Op::mask:
      return add_to_scores(in, where_selected(number(-kInfinity), 0.0));
    case Op::bias:
      return add_to_scores(in, where_selected(strength, 0.0));
    case Op::renormalize:
      return add_to_scores(in, where_selected(strength.log(), 0.0));
    case Op::temperature:
      return scale_scores(in, where_selected(strength.reciprocal(), 1.0));
    default:
      throw InternalError("an op that does not change scores fused");
  }
}

}  // namespace headscope
