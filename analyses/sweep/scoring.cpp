#include "analyses/sweep/scoring.h"

#include <algorithm>
#include <set>

#include <ATen/ops/isfinite.h>

#include "lib/base/error.h"
#include "lib/model/not_finite.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kRowBytes = 64 << 20;  // of logits scored at once, in double

using Ids = std::vector<TokenId> TaskItem::*;

Tensor columns_of(const std::vector<TaskItem>& items,
                  Ids ids,
                  const std::vector<std::int64_t>& vocab) {
  std::size_t widest = 1;
  for (const TaskItem& item : items) {
    widest = std::max(widest, (item.*ids).size());
  }
  Tensor columns = at::full(
      {static_cast<std::int64_t>(items.size()), static_cast<std::int64_t>(widest)}, -1, at::kLong);
  auto* row = columns.data_ptr<std::int64_t>();
  for (const TaskItem& item : items) {
    for (std::size_t i = 0; i < (item.*ids).size(); ++i) {
      const std::int64_t id = (item.*ids)[i];
      row[i] =
          vocab.empty() ? id : std::lower_bound(vocab.begin(), vocab.end(), id) - vocab.begin();
    }
    row += widest;
  }
  return columns;
}

}  // namespace

Scoring::Scoring(const Metric& metric, const std::vector<TaskItem>& items, const Model& model)
    : metric_(metric), advice_(not_finite_advice(model)) {
  std::set<std::int64_t> ids;
  for (const TaskItem& item : items) {
    if (metric.needs_wrong && item.wrong.empty()) {
      throw UsageError("--metric {}: item {} has no wrong answers", metric.name, item.id);
    }
    ids_.push_back(item.id);
    ids.insert(item.answers.begin(), item.answers.end());
    ids.insert(item.wrong.begin(), item.wrong.end());
  }
  if (!metric.full_vocabulary &&
      static_cast<std::int64_t>(ids.size()) < model.config().d_vocab / 2) {
    vocab_.assign(ids.begin(), ids.end());
  }
  answers_ = columns_of(items, &TaskItem::answers, vocab_);
  wrong_ = columns_of(items, &TaskItem::wrong, vocab_);
}

// Not every metric shows a NaN: none is larger than the best answer, so its rank would be 0.
void Scoring::check_finite(const Tensor& logits, const std::vector<std::int64_t>& items) const {
  const Tensor finite = logits.isfinite().all(1).cpu();
  for (std::int64_t row = 0; row < finite.size(0); ++row) {
    if (!finite.const_data_ptr<bool>()[row]) {
      throw DataError("item {}: the model's logits are not finite; {}",
                      ids_[static_cast<std::size_t>(items[static_cast<std::size_t>(row)])],
                      advice_);
    }
  }
}

std::vector<double> Scoring::values(const Tensor& logits,
                                    const std::vector<std::int64_t>& items,
                                    const Tensor& clean) const {
  check_finite(logits, items);
  const Tensor index = index_tensor(items, at::kCPU);
  const Tensor answers = answers_.index_select(0, index);
  const Tensor wrong = wrong_.index_select(0, index);
  const std::int64_t step = std::max<std::int64_t>(1, kRowBytes / (8 * logits.size(1)));
  std::vector<double> values;
  for (std::int64_t begin = 0; begin < logits.size(0); begin += step) {
    const std::int64_t count = std::min(step, logits.size(0) - begin);
    const auto part = [&](const Tensor& x) { return x.defined() ? x.narrow(0, begin, count) : x; };
    const Tensor scored =
        metric_.values({part(logits), part(answers), part(wrong), part(clean)}).contiguous();
    const auto* out = scored.const_data_ptr<double>();
    values.insert(values.end(), out, out + count);
  }
  return values;
}

Tensor Scoring::differentiable(const Tensor& logits,
                               const std::vector<std::int64_t>& items,
                               const Tensor& clean) const {
  if (!metric_.has_gradient) {
    throw UsageError("--metric {} counts, so it has no gradient; take logit_diff or another one",
                     metric_.name);
  }
  check_finite(logits.detach(), items);
  const Tensor index = index_tensor(items, at::kCPU);
  return metric_.values(
      {logits, answers_.index_select(0, index), wrong_.index_select(0, index), clean});
}

Tensor Scoring::followed_of_vocabulary(const Tensor& logits,
                                       const std::vector<std::int64_t>& items) const {
  const Tensor wanted =
      vocab_.empty() ? logits : logits.index_select(1, index_tensor(vocab_, logits.device()));
  return differentiable(wanted, items, {});
}

}  // namespace headscope
