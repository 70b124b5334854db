#include "hooks/pattern_ops.h"

#include <algorithm>
#include <cmath>

#include <fmt/ranges.h>

#include <ATen/ops/cumsum.h>
#include <ATen/ops/sort.h>

#include "hooks/intervention_ops.h"
#include "lib/base/error.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {

Tensor strongest_weights(const Tensor& pattern, std::int64_t k) {
  if (k >= pattern.size(-1)) {
    return pattern;
  }
  const auto [sorted, key] = at::sort(pattern, /*stable=*/true, /*dim=*/-1, /*descending=*/true);
  Tensor stays = at::zeros(pattern.sizes(), pattern.options().dtype(at::kBool));
  stays.scatter_(-1, key.narrow(-1, 0, k), true);
  const Tensor some = at::where(stays, pattern, 0.0);
  const Tensor sum = some.sum(-1, true);
  return at::where(sum > 0, some * (pattern.sum(-1, true) / sum), pattern);
}

void check_weights(const Tensor& weights, const std::string& site) {
  if (weights.dim() != 1) {
    throw UsageError("{}: op \"set_row\": weights of shape {} are not one a token",
                     site,
                     fmt::join(weights.sizes(), "×"));
  }
  const double sum = weights.to(at::kDouble).sum().item<double>();
  if (weights.min().item<double>() < 0 || std::abs(sum - 1) > 1e-4) {
    throw UsageError(
        "{}: op \"set_row\": weights are not below 0 and sum to 1; these sum to {}", site, sum);
  }
}

Tensor given_weights(const Visit& visit, const Tensor& pattern, const Tensor& weights) {
  const std::int64_t keys = pattern.size(3);
  const Tensor ours = weights.to(pattern.options());
  Tensor out = at::zeros({visit.layout.rows, 1, 1, keys}, pattern.options());
  for (std::int64_t row = 0; row < visit.layout.rows; ++row) {
    const std::int64_t pad = visit.layout.pads[static_cast<std::size_t>(row)];
    const std::int64_t count = std::min(ours.size(0), keys - pad);
    out.select(0, row).narrow(2, pad, count).copy_(ours.narrow(0, 0, count));
  }
  return out.expand_as(pattern);
}

void check_rows(const Visit& visit, const Tensor& pattern, const Tensor& selected) {
  Tensor short_of = (pattern.to(at::kFloat).sum(-1, true) - 1).abs() > 1e-2;
  short_of = selected.defined() ? short_of.logical_and(selected) : short_of;
  if (!short_of.any().item<bool>()) {
    return;
  }
  const Tensor at = short_of.nonzero()[0].cpu();  // row, head, query, 0
  const auto row = at[0].item<std::int64_t>();
  const std::int64_t column = pattern.size(3) - pattern.size(2) + at[2].item<std::int64_t>();
  throw UsageError(
      "{}: op \"set_row\" gives weight to tokens that the query at position {} of prompt {} does "
      "not "
      "see; choose later queries, or weights of fewer tokens",
      visit.name(),
      column - visit.layout.pads[static_cast<std::size_t>(row)],
      visit.layout.prompt(row));
}

Tensor ends_of_prompts(const BatchLayout& layout, const at::Device& device) {
  std::vector<std::int64_t> ends;
  for (std::int64_t row = 0; row < layout.rows; ++row) {
    const RowText* text = layout.text(row);
    const std::int64_t pad = layout.pads[static_cast<std::size_t>(row)];
    ends.push_back(text == nullptr ? layout.columns
                                   : std::min(layout.columns, pad + text->prompt_tokens));
  }
  return index_tensor(ends, device).view({-1, 1, 1, 1});
}

Tensor calibrated_sinks(const Visit& visit, const Tensor& pattern, SinkCalibration how) {
  const BatchLayout& layout = visit.layout;
  if (layout.past > 0 || layout.columns != layout.total) {
    throw UsageError(
        "{}: op \"calibrate_sinks\" asks for the mean weight of each key over all queries, which "
        "chunks and a cache do not show; run prompts whole, and let it change their tokens alone "
        "(\"apply\": {{\"phase\": \"prefill\"}})",
        visit.name());
  }
  const auto options = pattern.options().dtype(at::kLong);
  const std::int64_t columns = pattern.size(3);
  const Tensor column = at::arange(columns, options);
  const Tensor pads = index_tensor(layout.pads, pattern.device()).view({-1, 1, 1, 1});
  const Tensor ends = ends_of_prompts(layout, pattern.device());
  const Tensor query = column.view({1, 1, -1, 1});
  const Tensor own = query >= pads;  // queries that are no padding
  const Tensor p = at::where(own, pattern.to(at::kFloat), 0.0);
  const Tensor mean =
      at::where(query < ends, p, 0.0).sum(2, true) / (ends - column).clamp_min(1).to(at::kFloat);
  const Tensor above =
      (mean > how.threshold).logical_and(column >= pads).logical_and(column < ends);
  const Tensor sink = above.logical_and(at::cumsum(above.to(at::kLong), -1) > 1);
  const Tensor freed = at::where(sink, p, 0.0).sum(-1, true) * (1 - how.factor);
  const Tensor others = at::where(sink, 0.0, p).sum(-1, true);
  const Tensor moved = at::where(sink, p * how.factor, p + p * (freed / others));
  return at::where((others > 0).logical_and(own), moved, pattern).to(pattern.scalar_type());
}

}  // namespace headscope
