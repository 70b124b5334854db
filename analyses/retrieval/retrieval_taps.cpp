#include "analyses/retrieval/retrieval_taps.h"

#include <ATen/ops/full_like.h>
#include <ATen/ops/topk.h>

#include "lib/base/error.h"
#include "lib/model/attention_builder.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Alike over the keys that the only query of each row sees. [rows or 1, 1, 1, keys].
Tensor uniform_rows(const Visit& visit, const Tensor& like) {
  const LayerConfig& layer = visit.config.layers[static_cast<std::size_t>(visit.point.layer)];
  const Tensor hidden = hidden_keys(visit.layout, visible_keys(layer), like.device());
  const Tensor seen =
      hidden.defined() ? hidden.logical_not().to(at::kFloat)
                       : at::ones({1, 1, 1, visit.layout.keys()}, like.options().dtype(at::kFloat));
  return (seen / seen.sum(-1, true)).to(like.options());
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
