#include "hooks/mean_values.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// 0 in columns of padding.
Tensor without_padding(const Tensor& value, const BatchLayout& layout) {
  if (!layout.padded()) {
    return value;
  }
  Tensor kept = value.clone();
  for (std::int64_t row = 0; row < layout.rows; ++row) {
    const std::int64_t padding = std::clamp<std::int64_t>(
        layout.pads[static_cast<std::size_t>(row)] - layout.past, 0, layout.columns);
    kept.select(0, row).narrow(0, 0, padding).zero_();
  }
  return kept;
}

std::int64_t own_positions(const BatchLayout& layout) {
  std::int64_t count = 0;
  for (std::int64_t row = 0; row < layout.rows; ++row) {
    count += std::clamp<std::int64_t>(
        layout.keys() - layout.pads[static_cast<std::size_t>(row)], 0, layout.columns);
  }
  return count;
}

}  // namespace

Interest MeanValues::wants(HookPoint point) const {
  const bool mine = std::find(sites_.begin(), sites_.end(), point.site) != sites_.end();
  return mine ? Interest::observe : Interest::none;
}

Tensor MeanValues::visit(const Visit& visit, const Tensor& value) {
  add(visit.point, value, visit.layout);
  return value;
}

void MeanValues::add(HookPoint point, const Tensor& value, const BatchLayout& layout) {
  const std::string name = hook_name(point.site, point.layer);
  if (info(point.site).axis(Axis::pos) != 1) {
    throw UsageError("{}: has no value at each position to take the mean of", name);
  }
  Sum& sum = sums_[{point.site, point.layer}];
  const bool positions = over_ == Over::positions;
  const Tensor own = positions ? without_padding(value, layout) : value;
  const Tensor part =
      positions ? own.to(at::kDouble).sum(at::IntArrayRef({0, 1})) : own.to(at::kDouble).sum(0);
  if (sum.values.defined() && !sum.values.sizes().equals(part.sizes())) {
    throw UsageError("{}: a mean position by position is of prompts of one length", name);
  }
  sum.values = sum.values.defined() ? sum.values + part : part;
  sum.count += positions ? own_positions(layout) : layout.rows;
}

Tensor MeanValues::mean(Site site, int layer) const {
  const auto found = sums_.find({site, layer});
  if (found == sums_.end()) {
    throw UsageError("{}: no pass showed it, so it has no mean", hook_name(site, layer));
  }
  return found->second.values / static_cast<double>(found->second.count);
}

}  // namespace headscope
