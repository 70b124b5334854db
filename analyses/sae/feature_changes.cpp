#include "analyses/sae/feature_changes.h"

#include <algorithm>
#include <numeric>
#include <set>

#include <ATen/core/grad_mode.h>

#include "analyses/sweep/prompt_batch.h"
#include "hooks/address.h"
#include "hooks/recorder.h"
#include "lib/base/error.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// [rows · columns, 1] f32: 0 of padding.
Tensor real_rows(const BatchLayout& layout) {
  Tensor real = at::ones({layout.rows, layout.columns}, at::kFloat);
  for (std::int64_t row = 0; row < std::ssize(layout.pads); ++row) {
    real.select(0, row).narrow(0, 0, layout.pads[static_cast<std::size_t>(row)]).zero_();
  }
  return real.reshape({-1, 1});
}

void add_to(Tensor& sum, const Tensor& more) {
  sum = sum.defined() ? sum + more : more;
}

// Codes of a run at the autoencoder's point, [rows · columns, d_sae].
Tensor dense_codes(const Sae& sae,
                   const Model& model,
                   const Batch& batch,
                   const std::string& hook) {
  Recorder recorder(std::vector<std::string>{hook});
  model.forward(batch, recorder, {.logits = Logits::none});
  return sae.encode(sae.rows_of(recorder.at(hook)).to(at::kFloat)).dense();
}

}  // namespace

FeatureChanges feature_changes(const Sae& sae,
                               const Model& model,
                               const Task& task,
                               const FeatureChangeOptions& options) {
  const at::NoGradGuard no_grad;
  const FeaturePoint point = feature_point(sae, model.config());
  const std::string hook = hook_name(point.site, static_cast<int>(point.layer));
  const Tensor norm = sae.weights().W_dec.norm(2, 1);
  Tensor size;
  Tensor codes;
  Tensor fired;
  double tokens = 0.0;
  for (const PromptBatch& batch : prompt_batches(task.items, options.batch_tokens)) {
    const Tensor before = dense_codes(sae, model, batch.of(options.into), hook);
    const Tensor change =
        options.act == FeatureAct::ablate
            ? before
            : dense_codes(sae, model, batch.of(other_run(options.into)), hook) - before;
    const Tensor real = real_rows(batch.layout()).to(before.device());
    add_to(size, (change * real).abs().sum(0) * norm);
    add_to(codes, (before * real).sum(0));
    add_to(fired, (before * real != 0).to(at::kFloat).sum(0));
    tokens += real.sum().item<double>();
  }
  return {to_floats(size), to_floats(fired / tokens), to_floats(codes / tokens)};
}

std::vector<std::int64_t> most_changed(const FeatureChanges& changes, std::int64_t most) {
  std::vector<std::int64_t> order(changes.size.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const auto size = [&](std::int64_t feature) {
    return changes.size[static_cast<std::size_t>(feature)];
  };
  std::erase_if(order, [&](std::int64_t feature) { return !(size(feature) > 0); });
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return size(a) > size(b);
  });
  order.resize(std::min(order.size(), static_cast<std::size_t>(most)));
  if (order.empty()) {
    throw UsageError("no feature changes on this task's prompts");
  }
  return order;
}

void check_features(const std::vector<std::int64_t>& features, const Sae& sae) {
  std::set<std::int64_t> seen;
  for (const std::int64_t feature : features) {
    if (feature < 0 || feature >= sae.config().d_sae) {
      throw UsageError("no feature {}; the autoencoder has {}, 0 to {}",
                       feature,
                       sae.config().d_sae,
                       sae.config().d_sae - 1);
    }
    if (!seen.insert(feature).second) {
      throw UsageError("feature {} is named twice", feature);
    }
  }
}

}  // namespace headscope
