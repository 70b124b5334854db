#include "lib/sae/code_support.h"

#include <ATen/ops/_embedding_bag.h>
#include <ATen/ops/_embedding_bag_per_sample_weights_backward.h>
#include <ATen/ops/bincount.h>
#include <ATen/ops/cumsum.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/sort.h>

#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kGatherCost = 16;  // elements of a matrix product in one gathered element

// Where the groups of sorted `ids` begin, and the end: [groups + 1].
Tensor group_offsets(const Tensor& ids, std::int64_t groups) {
  const Tensor counts = at::bincount(ids, {}, groups);
  return at::cat({at::zeros({1}, counts.options()), counts.cumsum(0)});
}

Tensor bag_sum(const Tensor& W, const Tensor& index, const Tensor& offsets, const Tensor& values) {
  return std::get<0>(at::_embedding_bag(W,
                                        index,
                                        offsets,
                                        /*scale_grad_by_freq=*/false,
                                        /*mode=*/0,
                                        /*sparse=*/false,
                                        values,
                                        /*include_last_offset=*/true));
}

}  // namespace

CodeSupport CodeSupport::dense(std::int64_t rows, std::int64_t features) {
  CodeSupport support;
  support.rows_ = rows;
  support.features_ = features;
  return support;
}

CodeSupport CodeSupport::fixed(const Tensor& index, std::int64_t features) {
  CodeSupport support = dense(index.size(0), features);
  const std::int64_t k = index.size(1);
  support.index_ = index.reshape({-1});
  support.offsets_ = at::arange(support.rows_ + 1, index.options()) * k;
  support.row_ =
      at::arange(support.rows_, index.options()).unsqueeze(1).expand({-1, k}).reshape({-1});
  return support;
}

CodeSupport CodeSupport::of(const Tensor& mask) {
  const std::int64_t held = mask.sum().item<std::int64_t>();
  if (held * kGatherCost > mask.numel()) {
    return dense(mask.size(0), mask.size(1));
  }
  return at_places(at::nonzero(mask.reshape({-1})).squeeze(1), mask.size(0), mask.size(1));
}

CodeSupport CodeSupport::at_places(const Tensor& flat, std::int64_t rows, std::int64_t features) {
  CodeSupport support = dense(rows, features);
  support.row_ = flat.div(features, "floor");
  support.index_ = flat - support.row_ * features;
  support.offsets_ = group_offsets(support.row_, rows);
  return support;
}

Tensor CodeSupport::pick(const Tensor& full) const {
  return is_dense() ? full : full.reshape({-1}).index_select(0, row_ * features_ + index_);
}

Tensor CodeSupport::of_feature(const Tensor& each) const {
  return is_dense() ? each.unsqueeze(0) : each.index_select(0, index_);
}

Tensor CodeSupport::to_dense(const Tensor& values) const {
  if (is_dense()) {
    return values;
  }
  Tensor full = at::zeros({rows_ * features_}, values.options());
  return full.index_copy_(0, row_ * features_ + index_, values).view({rows_, features_});
}

Tensor CodeSupport::gather_sum(const Tensor& values, const Tensor& W) const {
  return is_dense() ? values.matmul(W) : bag_sum(W, index_, offsets_, values);
}

Tensor CodeSupport::dots(const Tensor& x, const Tensor& W) const {
  if (is_dense()) {
    return x.matmul(W.t());
  }
  return at::_embedding_bag_per_sample_weights_backward(
      x, W, index_, offsets_.narrow(0, 0, rows_), row_, /*mode=*/0);
}

void CodeSupport::sort_by_feature() const {
  if (by_feature_.defined()) {
    return;
  }
  by_feature_ = std::get<1>(at::sort(index_, /*stable=*/true, 0, /*descending=*/false));
  feature_offsets_ = group_offsets(index_, features_);
  row_by_feature_ = row_.index_select(0, by_feature_);
}

Tensor CodeSupport::scatter_sum(const Tensor& values, const Tensor& x) const {
  if (is_dense()) {
    return values.t().matmul(x);
  }
  sort_by_feature();
  return bag_sum(x, row_by_feature_, feature_offsets_, values.index_select(0, by_feature_));
}

Tensor CodeSupport::feature_sum(const Tensor& values) const {
  if (is_dense()) {
    return values.sum(0);
  }
  return scatter_sum(values, at::ones({rows_, 1}, values.options())).squeeze(1);
}

Tensor CodeSupport::row_sum(const Tensor& values) const {
  if (is_dense()) {
    return values.sum(1);
  }
  return gather_sum(values, at::ones({features_, 1}, values.options())).squeeze(1);
}

}  // namespace headscope
