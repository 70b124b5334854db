#include "analyses/retrieval/retrieval_taps.h"

#include <ATen/ops/full_like.h>
#include <ATen/ops/topk.h>

#include "lib/base/error.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Alike over the keys that the only query of each row sees. [rows, 1, 1, keys] f32.
Tensor uniform_rows(const Visit& visit, const Tensor& like) {
  const BatchLayout& layout = visit.layout;
  const std::int64_t keys = layout.keys();
  const std::int64_t window =
      visit.config.layers[static_cast<std::size_t>(visit.point.layer)].window;
  const std::int64_t oldest = window > 0 ? keys - window : 0;
  Tensor rows = at::zeros({layout.rows, 1, 1, keys}, at::kFloat);
  for (std::int64_t row = 0; row < layout.rows; ++row) {
    const std::int64_t first = std::max(layout.pads[static_cast<std::size_t>(row)], oldest);
    rows.select(0, row)
        .narrow(2, first, keys - first)
        .fill_(1.0 / static_cast<double>(keys - first));
  }
  return rows.to(like.options());
}

}  // namespace

Tensor TopKeysTap::visit(const Visit&, const Tensor& value) {
  const std::int64_t count = std::min(top_k_, value.size(3));
  const auto [weight, key] = at::topk(value.select(2, value.size(2) - 1), count, -1);
  // Among more keys than a head sees (a window, padding), those it does not see are none.
  layers_.push_back(at::where(weight > 0, key, at::full_like(key, -1)));
  return value;
}

Tensor TopKeysTap::keys() const {
  return at::stack(layers_, 1).to(at::kCPU);
}

Interest MaskTap::wants(HookPoint point) const {
  const Site site = mode_ == MaskMode::decode_uniform ? Site::pattern : Site::z;
  const bool mine = point.site == site && masked_[static_cast<std::size_t>(point.layer)].defined();
  return mine ? Interest::edit : Interest::none;
}

Tensor MaskTap::visit(const Visit& visit, const Tensor& value) {
  const auto layer = static_cast<std::size_t>(visit.point.layer);
  const Tensor& masked = masked_[layer];
  if (mode_ == MaskMode::decode_uniform) {
    if (value.size(2) != 1) {
      throw InternalError("a uniform mask met {} queries; it is of decode steps", value.size(2));
    }
    return at::where(masked.unsqueeze(2).unsqueeze(3), uniform_rows(visit, value), value);
  }
  const Tensor instead =
      mode_ == MaskMode::zero ? at::zeros({1}, value.options()) : means_[layer].to(value.options());
  return at::where(masked.unsqueeze(1).unsqueeze(3), instead, value);
}

Tensor MeanOutputTap::visit(const Visit& visit, const Tensor& value) {
  Tensor& sum = sums_[static_cast<std::size_t>(visit.point.layer)];
  const Tensor here = value.to(at::kFloat).sum(at::IntArrayRef({0, 1}));
  sum = sum.defined() ? sum + here : here;
  positions_ += visit.point.layer == 0 ? value.size(0) * value.size(1) : 0;
  return value;
}

std::vector<Tensor> MeanOutputTap::means() const {
  std::vector<Tensor> means;
  for (const Tensor& sum : sums_) {
    means.push_back(sum / static_cast<double>(positions_));
  }
  return means;
}

}  // namespace headscope
