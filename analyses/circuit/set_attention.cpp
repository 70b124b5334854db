#include "analyses/circuit/set_attention.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

bool in_layer(const std::vector<HeadId>& heads, int layer) {
  return std::any_of(
      heads.begin(), heads.end(), [&](const HeadId& head) { return head.layer == layer; });
}

}  // namespace

ColorPlaces color_places(const TaskItem& item) {
  ColorPlaces places;
  std::vector<std::int64_t> right;
  for (const std::string span : {"C1", "C2", "C3"}) {
    const auto found = item.clean.spans.find(span);
    if (found == item.clean.spans.end()) {
      throw DataError("item {}: no span \"{}\"", item.id, span);
    }
    const std::int64_t at = found->second.begin;
    const TokenId token = item.clean.tokens[static_cast<std::size_t>(at)];
    const bool answer =
        std::find(item.answers.begin(), item.answers.end(), token) != item.answers.end();
    (answer ? right : places.wrong).push_back(at);
  }
  if (right.size() != 1) {
    throw DataError("item {}: {} of its three colours are the answer", item.id, right.size());
  }
  places.right = right.front();
  return places;
}

SetAttention::SetAttention(const Task& task,
                           const PromptBatch& batch,
                           const std::vector<HeadId>& set,
                           const std::vector<HeadId>& movers)
    : right(movers.size()),
      wrong(movers.size()),
      set_(set),
      movers_(movers),
      to_right_(at::zeros({batch.rows(), batch.columns()}, at::kFloat)),
      to_wrong_(at::zeros({batch.rows(), batch.columns()}, at::kFloat)) {
  for (std::int64_t row = 0; row < batch.rows(); ++row) {
    const auto index = static_cast<std::size_t>(row);
    const ColorPlaces places =
        color_places(task.items[static_cast<std::size_t>(batch.items[index])]);
    const std::int64_t pad = batch.layout().pads[index];
    to_right_[row][pad + places.right].fill_(1.0);
    for (const std::int64_t at : places.wrong) {
      to_wrong_[row][pad + at].fill_(1.0);
    }
  }
}

Interest SetAttention::wants(HookPoint point) const {
  if (point.site != Site::pattern) {
    return Interest::none;
  }
  return in_layer(set_, point.layer)      ? Interest::edit
         : in_layer(movers_, point.layer) ? Interest::observe
                                          : Interest::none;
}

Tensor SetAttention::visit(const Visit& visit, const Tensor& pattern) {
  const std::int64_t last = pattern.size(2) - 1;  // padding is at the left
  Tensor out = pattern;
  for (const HeadId& head : set_) {
    if (head.layer == visit.point.layer) {
      out = out.is_same(pattern) ? pattern.clone() : out;
      out.select(1, head.head).select(1, last).copy_(0.5 * to_wrong_);
    }
  }
  for (std::size_t i = 0; i < movers_.size(); ++i) {
    if (movers_[i].layer == visit.point.layer) {
      const Tensor row =
          out.select(1, movers_[i].head).select(1, last).to(at::kCPU, at::kFloat);  // [B, T]
      right[i] += (row * to_right_).sum().item<double>();
      wrong[i] += (row * to_wrong_).sum().item<double>();
    }
  }
  return out;
}

}  // namespace headscope
