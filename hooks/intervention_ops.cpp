#include "hooks/intervention_ops.h"

#include <limits>

#include <ATen/ops/clamp.h>

#include "hooks/strength.h"
#include "lib/attention/mask.h"
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

Tensor added(const Intervention& what,
             const Visit& visit,
             const Tensor& value,
             const Tensor& numbers) {
  if (what.schedule) {
    return (value + numbers * strengths(*what.schedule, visit, value)).to(value.scalar_type());
  }
  return what.factor == 1.0 ? value + numbers : value + numbers * what.factor;
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

Tensor fitted(const ResolvedValues& stored,
              const Visit& visit,
              const Tensor& value,
              const Tensor& selected) {
  return stored.along == ResolvedValues::Along::positions
             ? by_position(stored.values, visit, value, selected)
             : broadcast(stored.values, visit, value);
}

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
      return what.schedule
                 ? (value * strengths(*what.schedule, visit, value)).to(value.scalar_type())
                 : value * what.factor;
    case Op::add:
      return added(what, visit, value, numbers);
    case Op::project_out:
      return projected_out(value, numbers, visit);
    case Op::clamp:
      return clamped(what, value);
    case Op::mask:
      return at::full(value.sizes(), -kInfinity, value.options());
    case Op::bias:
      return what.schedule ? value + strengths(*what.schedule, visit, value) : value + what.factor;
    case Op::uniform: {
      const Tensor seen = seen_pairs(visit, value).to(at::kFloat);
      return (seen / seen.sum(-1, true)).to(value.scalar_type()).expand_as(value);
    }
  }
  throw InternalError("an op that nothing does");
}

void check_sighted(const Visit& visit, const Tensor& before, const Tensor& after) {
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

}  // namespace headscope
