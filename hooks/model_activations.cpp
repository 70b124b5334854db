// Activations of a model that runs as they are asked for.
#include <algorithm>
#include <numeric>

#include "hooks/activation_source.h"
#include "hooks/address.h"
#include "hooks/joined.h"
#include "hooks/record.h"
#include "hooks/recorder.h"
#include "lib/base/error.h"
#include "lib/model/batch_plan.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

std::int64_t live_row_width(HookPoint point, const ModelConfig& config) {
  const std::vector<Axis>& axes = info(point.site).axes;
  std::int64_t width = 1;
  for (std::size_t i = 2; i < axes.size(); ++i) {
    width *= axis_size(axes[i], config).value_or(0);  // 0: a second axis of tokens
  }
  if (axes.size() < 2 || axes[1] != Axis::pos || width == 0) {
    throw UsageError("{}: not one row a token (`headscope hooks` shows its axes); leave it out",
                     hook_name(point.site, point.layer));
  }
  return width;
}

class ModelActivations final : public ActivationSource {
 public:
  ModelActivations(const Model& model,
                   const std::vector<Prompt>& prompts,
                   const std::vector<std::string>& hooks,
                   std::int64_t batch_tokens)
      : model_(model), prompts_(prompts), batch_tokens_(batch_tokens) {
    hook_points_ = resolve_hooks(hooks, model.config());
    for (const HookPoint point : hook_points_) {
      points_.push_back(
          {hook_name(point.site, point.layer), live_row_width(point, model.config())});
    }
  }

  [[nodiscard]] const std::vector<ActivationPoint>& points() const override { return points_; }
  [[nodiscard]] std::vector<const std::vector<Prompt>*> prompts() const override {
    return {&prompts_};
  }

  void read(const RowBlock& block, const RowTargets& to) override {
    std::vector<std::int64_t> begin;  // of each prompt among the block's tokens
    std::int64_t tokens = 0;
    for (std::size_t i = 0; i < block.count; ++i) {
      begin.push_back(tokens);
      tokens += std::ssize(prompts_[block.first + i].tokens);
    }
    std::vector<Tensor> rows(points_.size());
    std::vector<std::size_t> all(block.count);
    std::iota(all.begin(), all.end(), block.first);
    for (const auto& batch :
         plan_batches(lengths_of(prompts_), std::move(all), {.most_tokens = batch_tokens_})) {
      run(batch, block.first, begin, tokens, rows);
    }
    for (std::size_t point = 0; point < rows.size(); ++point) {
      to.put({.point = point,
              .width = points_[point].width,
              .dtype = dtype_of(rows[point]),
              .first = 0,
              .tokens = tokens,
              .bytes = static_cast<const std::uint8_t*>(rows[point].const_data_ptr())});
    }
  }

 private:
  // Puts the rows of some prompts where they lie among the block's.
  void run(const std::vector<std::size_t>& batch,
           std::size_t first,
           const std::vector<std::int64_t>& begin,
           std::int64_t tokens,
           std::vector<Tensor>& rows) const {
    std::vector<std::vector<std::int32_t>> ids;
    for (const std::size_t prompt : batch) {
      ids.push_back(prompts_[prompt].tokens);
    }
    const Batch inputs(ids);
    std::vector<std::string> names;
    for (const ActivationPoint& point : points_) {
      names.push_back(point.name);
    }
    Recorder recorder(names);
    model_.forward(inputs, recorder, {.logits = Logits::none});
    for (std::size_t point = 0; point < points_.size(); ++point) {
      Tensor seen = recorder.at(points_[point].name);
      seen = (at::isFloatingType(seen.scalar_type()) ? seen : seen.to(at::kFloat)).cpu();
      if (!rows[point].defined()) {
        rows[point] = at::empty({tokens, points_[point].width}, seen.options());
      }
      for (std::size_t row = 0; row < batch.size(); ++row) {
        const auto at = static_cast<std::int64_t>(row);
        const Tensor own =
            one_prompt(seen, hook_points_[point].site, at, inputs.layout().pads[row]);
        rows[point].narrow(0, begin[batch[row] - first], own.size(0)).view(own.sizes()).copy_(own);
      }
    }
  }

  const Model& model_;
  const std::vector<Prompt>& prompts_;
  std::int64_t batch_tokens_;
  std::vector<HookPoint> hook_points_;
  std::vector<ActivationPoint> points_;
};

}  // namespace

std::unique_ptr<ActivationSource> activations_of_model(const Model& model,
                                                       const std::vector<Prompt>& prompts,
                                                       const std::vector<std::string>& hooks,
                                                       std::int64_t batch_tokens) {
  return std::make_unique<ModelActivations>(model, prompts, hooks, batch_tokens);
}

}  // namespace headscope
