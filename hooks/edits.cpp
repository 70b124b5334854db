#include "hooks/edits.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "hooks/address.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

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

}  // namespace

Edits::Place::Place(Edits& edits, std::string pattern, Selection selection)
    : edits_(edits), pattern_(std::move(pattern)), selection_(std::move(selection)) {}

void Edits::Place::apply(Function function) {
  edits_.edits_.push_back({pattern_, selection_, std::move(function), {}});
}

void Edits::Place::scale(double factor) {
  apply([factor](const Visit&, const Tensor& value) { return value * factor; });
}

// Not a product with 0, which would leave NaN and infinities standing.
void Edits::Place::zero() {
  apply([](const Visit&, const Tensor& value) { return at::zeros_like(value); });
}

void Edits::Place::add(const Tensor& values) {
  apply([values](const Visit& visit, const Tensor& value) {
    return value + fitted(values, visit, value);
  });
}

void Edits::Place::replace(const Tensor& values) {
  apply([values](const Visit& visit, const Tensor& value) { return fitted(values, visit, value); });
}

Edits::Place Edits::at(std::string pattern, Selection selection) {
  return {*this, std::move(pattern), std::move(selection)};
}

void Edits::begin(const ModelConfig& config) {
  std::vector<HookPoint> all;
  for (Edit& edit : edits_) {
    edit.points = resolve_hooks(edit.pattern, config);
    for (const HookPoint point : edit.points) {
      check(edit.selection, point, config);
    }
    all.insert(all.end(), edit.points.begin(), edit.points.end());
  }
  firing_.expect(all);
}

Tensor Edits::visit(const Visit& visit, const Tensor& value) {
  firing_.count(visit.point);
  Tensor current = value;
  for (const Edit& edit : edits_) {
    if (std::find(edit.points.begin(), edit.points.end(), visit.point) == edit.points.end()) {
      continue;
    }
    const Tensor edited = edit.function(visit, current);
    if (!edited.sizes().equals(value.sizes())) {
      throw UsageError("{}: an edit returned {} where the value is {}",
                       visit.name(),
                       fmt::join(edited.sizes(), "×"),
                       fmt::join(value.sizes(), "×"));
    }
    current = edit.selection.everything()
                  ? edited
                  : at::where(selected(edit.selection, visit, value), edited, current);
  }
  return current;
}

}  // namespace headscope
