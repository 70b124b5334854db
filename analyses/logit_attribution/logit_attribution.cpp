#include "analyses/logit_attribution/logit_attribution.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "analyses/logit_attribution/batch_shares.h"
#include "analyses/sweep/prompt_batch.h"
#include "lib/base/error.h"
#include "lib/model/model_parts.h"
#include "lib/model/not_finite.h"
#include "lib/model/standing_change.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// What sum and logits may differ by, as a part of all shares' sizes: the pass rounds every product
// to its dtype, and a trace every value to its own; the shares do not.
double tolerance(DType dtype) {
  return dtype == DType::f32 ? 1e-4 : dtype == DType::f16 ? 1e-2 : 5e-2;
}

Model without_softcap(const Model& model) {
  if (model.config().logit_softcap == 0) {
    return model;
  }
  Model::Parts parts = parts_of(model);
  parts.config.logit_softcap = 0;
  return Model(std::move(parts)).with(model.standing());
}

// A standing change where the stream itself, or what a head or MLP writes to it, is put together
// leaves a part of the logits that no component wrote.
void check_standing_change(const Model& model) {
  if (!model.standing()) {
    return;
  }
  const auto change = model.standing()->tap();
  for (const HookPoint point : hook_points(model.config())) {
    const Site site = point.site;
    const bool stream = site == Site::resid_pre || site == Site::resid_mid ||
                        site == Site::resid_post || (site > Site::z && site <= Site::attn_out) ||
                        site >= Site::ln_final_scale;
    if (stream && change->wants(point) != Interest::none) {
      throw UsageError(
          "{}: changed there, the logits are no longer the sum of what heads and MLPs write; "
          "intervene at hook_z, hook_mlp_out or before them",
          hook_name(point.site, point.layer));
    }
  }
}

// `shares`: of one prompt, every cell.
void check_sum(const Tensor& shares, double target, const TaskItem& item, DType dtype) {
  const double sum = shares.nansum().item<double>();
  const double size = std::max(1.0, shares.abs().nansum().item<double>());
  if (!(std::abs(sum - target) <= tolerance(dtype) * size)) {
    throw InternalError(
        "item {}: the components sum to {}, but the model's logits give {}", item.id, sum, target);
  }
}

class Attributing {
 public:
  Attributing(const Model& model,
              const std::vector<TaskItem>& items,
              const LogitAttributionOptions& options)
      : model_(without_softcap(model)), items_(items), options_(options), components_(model) {
    result_.axes = components_.axes();
    result_.shares.assign(static_cast<std::size_t>(components_.size()) * items.size(),
                          std::numeric_limits<double>::quiet_NaN());
    result_.clean.resize(items.size());
    result_.corrupted.resize(items.size());
  }

  void take(const PromptBatch& batch) {
    const LogitDirection direction = direction_of(items_, batch.items, options_.target);
    const Run run = options_.run;
    const BatchShares taken =
        shares_of({model_, options_.stored}, components_, batch.of(run), direction);
    keep(batch, taken);
    put(result_.target(run), batch, taken.target);
    put(result_.target(other_run(run)),
        batch,
        target_of(model_, batch.of(other_run(run)), direction));
  }

  [[nodiscard]] LogitAttribution result() && { return std::move(result_); }

 private:
  [[nodiscard]] DType rounding() const {
    return options_.stored == nullptr
               ? model_.dtype()
               : options_.stored->rounding(hook_name(Site::unembed_in, kNoLayer));
  }

  void keep(const PromptBatch& batch, const BatchShares& taken) {
    const auto cells = taken.shares.accessor<double, 2>();
    for (std::int64_t row = 0; row < batch.rows(); ++row) {
      const auto item = static_cast<std::size_t>(batch.items[static_cast<std::size_t>(row)]);
      const double target = taken.target[row].item<double>();
      if (!std::isfinite(target)) {
        throw DataError("item {}: the model's logits are not finite; {}",
                        items_[item].id,
                        not_finite_advice(model_));
      }
      check_sum(taken.shares.select(1, row), target, items_[item], rounding());
      for (std::int64_t cell = 0; cell < components_.size(); ++cell) {
        result_.shares[static_cast<std::size_t>(cell) * items_.size() + item] = cells[cell][row];
      }
    }
  }

  static void put(std::vector<double>& per_item, const PromptBatch& batch, const Tensor& target) {
    for (std::int64_t row = 0; row < batch.rows(); ++row) {
      per_item[static_cast<std::size_t>(batch.items[static_cast<std::size_t>(row)])] =
          target[row].item<double>();
    }
  }

  Model model_;
  const std::vector<TaskItem>& items_;
  const LogitAttributionOptions& options_;
  Components components_;
  LogitAttribution result_;
};

}  // namespace

std::optional<LogitAttribution> attribute_logits(const Model& model,
                                                 const std::vector<TaskItem>& items,
                                                 const LogitAttributionOptions& options) {
  if (const std::string why = why_no_sum(model.config()); !why.empty()) {
    throw UsageError("a {} has no direct logit attribution: {}", model.config().family, why);
  }
  logit_target(items, options.target);
  check_standing_change(model);
  Attributing attributing(model, items, options);
  std::int64_t done = 0;
  for (const PromptBatch& batch : prompt_batches(items, options.batch_tokens)) {
    if (options.stop && options.stop()) {
      return std::nullopt;
    }
    attributing.take(batch);
    done += batch.rows();
    if (options.progress) {
      options.progress(done, static_cast<std::int64_t>(items.size()));
    }
  }
  return std::move(attributing).result();
}

}  // namespace headscope
