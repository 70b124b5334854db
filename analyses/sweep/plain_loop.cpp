#include "analyses/sweep/plain_loop.h"

#include <algorithm>

#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Puts the replacement into one cell.
class ReplaceTap final : public Tap {
 public:
  ReplaceTap(Site site, const Cell& cell, const Replacement& replacement, Tensor changed)
      : site_(site), cell_(cell), replacement_(replacement), changed_(std::move(changed)) {}

  [[nodiscard]] Interest wants(HookPoint point) const override {
    return point == HookPoint{site_, static_cast<int>(cell_.layer)} ? Interest::edit
                                                                    : Interest::none;
  }

  Tensor visit(const Visit&, const Tensor& value) override {
    const Tensor other = replacement_(site_, cell_.layer, value);
    return at::where(mask_of(value), other, value);
  }

 private:
  [[nodiscard]] Tensor mask_of(const Tensor& value) const {
    const SiteInfo& site = info(site_);
    const int position = std::max(site.axis(Axis::pos), site.axis(Axis::query));
    const int head = std::max(site.axis(Axis::head), site.axis(Axis::kv_head));
    std::vector<std::int64_t> shape(static_cast<std::size_t>(value.dim()), 1);
    shape[0] = changed_.size(0);
    shape[static_cast<std::size_t>(position)] = changed_.size(1);
    const Tensor columns = changed_.view(shape).to(value.device());
    if (cell_.head < 0) {
      return columns;
    }
    Tensor chosen = at::zeros({value.size(head)}, at::kBool);
    chosen[cell_.head].fill_(true);
    std::vector<std::int64_t> along(static_cast<std::size_t>(value.dim()), 1);
    along[static_cast<std::size_t>(head)] = value.size(head);
    return columns.logical_and(chosen.view(along).to(value.device()));
  }

  Site site_;
  Cell cell_;
  const Replacement& replacement_;
  Tensor changed_;
};

}  // namespace

std::vector<ResultStore::Value> PlainLoop::run(Site site,
                                               const Cell& cell,
                                               std::int64_t index,
                                               const Tensor& changed) const {
  const Replacement replacement = spec.source->of_block(runs);
  ReplaceTap tap(site, cell, replacement, changed);
  const Batch& batch = block.of(spec.into);
  const Tensor logits =
      model.forward(batch, tap, {.logits = Logits::last, .vocab = scoring.vocab()}).logits;
  const std::vector<double> scored = scoring.values(logits, block.items, runs.clean.logits());
  std::vector<ResultStore::Value> values;
  for (std::size_t i = 0; i < scored.size(); ++i) {
    values.push_back({index, block.items[i], scored[i]});
  }
  return values;
}

}  // namespace headscope
