#include "analyses/steering/last_token.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/model/batch_plan.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Batches are padded at the left, so that every row's last token is in the last column.
class LastColumn final : public Tap {
 public:
  explicit LastColumn(const std::vector<HookPoint>& points) : points_(points) {}

  [[nodiscard]] Interest wants(HookPoint point) const override {
    return std::find(points_.begin(), points_.end(), point) == points_.end() ? Interest::none
                                                                             : Interest::observe;
  }

  Tensor visit(const Visit& visit, const Tensor& value) override {
    values[visit.name()] = value.select(1, value.size(1) - 1).to(at::kCPU, at::kFloat).clone();
    return value;
  }

  std::map<std::string, Tensor> values;

 private:
  const std::vector<HookPoint>& points_;
};

void check_points(const std::vector<HookPoint>& points) {
  for (const HookPoint point : points) {
    const std::vector<Axis>& axes = info(point.site).axes;
    if (axes.size() < 3 || axes[0] != Axis::batch || axes[1] != Axis::pos) {
      throw UsageError(
          "{}: has no vector at each position; choose a residual stream, an input or "
          "an output of attention or MLP, hook_q, hook_k, hook_v or hook_z",
          hook_name(point.site, point.layer));
    }
  }
}

}  // namespace

std::map<std::string, Tensor> last_token_values(const Model& model,
                                                const std::vector<std::vector<std::int32_t>>& texts,
                                                const std::vector<HookPoint>& points,
                                                std::int64_t batch_tokens) {
  check_points(points);
  std::vector<std::int64_t> lengths;
  for (const auto& text : texts) {
    lengths.push_back(static_cast<std::int64_t>(text.size()));
  }
  std::map<std::string, Tensor> all;
  for (const auto& places : plan_batches(lengths, {.most_tokens = batch_tokens})) {
    std::vector<std::vector<std::int32_t>> rows;
    for (const std::size_t place : places) {
      rows.push_back(texts[place]);
    }
    LastColumn tap(points);
    model.forward(Batch(rows), tap, {.logits = Logits::none});
    for (const auto& [name, value] : tap.values) {
      Tensor& out = all[name];
      if (!out.defined()) {
        std::vector<std::int64_t> shape = value.sizes().vec();
        shape[0] = static_cast<std::int64_t>(texts.size());
        out = at::empty(shape, at::kFloat);
      }
      for (std::size_t row = 0; row < places.size(); ++row) {
        out[static_cast<std::int64_t>(places[row])].copy_(value[static_cast<std::int64_t>(row)]);
      }
    }
  }
  return all;
}

std::vector<HookPoint> head_outputs_of(const Model& model) {
  std::vector<HookPoint> points;
  for (int layer = 0; layer < model.config().n_layers; ++layer) {
    points.push_back({Site::z, layer});
  }
  return points;
}

}  // namespace headscope
