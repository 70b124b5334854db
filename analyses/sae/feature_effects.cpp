#include "analyses/sae/feature_effects.h"

#include <algorithm>
#include <cmath>

#include <ATen/core/grad_mode.h>

#include "analyses/sae/sae_eval.h"
#include "analyses/sweep/prompt_batch.h"
#include "hooks/recorder.h"
#include "lib/base/error.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// What is kept of a batch's runs.
struct FeatureBatch {
  PromptBatch prompts;
  SaeCodes codes;  // of the clean run's rows
  Tensor change;   // f' − f, [rows · columns, d_sae]
  std::vector<double> clean;
  std::vector<double> corrupted;
  Tensor clean_logits;
};

// Adds to the rows of one hook point: the first n rows of the batch get addition 0, and so on.
class AddToPoint final : public Tap {
 public:
  AddToPoint(HookPoint point, Tensor addition) : point_(point), addition_(std::move(addition)) {}
  [[nodiscard]] Interest wants(HookPoint point) const override {
    return point == point_ ? Interest::edit : Interest::none;
  }
  Tensor visit(const Visit&, const Tensor& value) override {
    return (value.to(at::kFloat) + addition_.reshape(value.sizes())).to(value.scalar_type());
  }

 private:
  HookPoint point_;
  Tensor addition_;
};

Batch repeated(const Batch& batch, std::int64_t times) {
  std::vector<std::vector<std::int32_t>> rows;
  const Tensor tokens = batch.tokens().to(at::kCPU, at::kLong).contiguous();
  const std::int64_t* token = tokens.const_data_ptr<std::int64_t>();
  const BatchLayout& layout = batch.layout();
  for (std::int64_t i = 0; i < times; ++i) {
    for (std::int64_t row = 0; row < layout.rows; ++row) {
      const std::int64_t pad = layout.pads.empty() ? 0 : layout.pads[static_cast<std::size_t>(row)];
      const std::int64_t* own = token + row * layout.columns;
      rows.emplace_back(own + pad, own + layout.columns);
    }
  }
  return Batch(rows);
}

class FeatureRuns {
 public:
  FeatureRuns(const Sae& sae,
              const Model& model,
              const Task& task,
              const Scoring& scoring,
              const FeatureEffectOptions& options)
      : sae_(sae),
        model_(model),
        task_(task),
        scoring_(scoring),
        options_(options),
        point_(point_of_sae(sae, model.config())),
        name_(hook_name(point_.site, point_.layer)) {
    for (const PromptBatch& batch : prompt_batches(task.items, options.batch_tokens)) {
      batches_.push_back(run_unchanged(batch));
    }
  }

  FeatureEffects run() {
    const std::vector<std::int64_t> features = chosen();
    std::vector<std::vector<double>> effects(features.size(),
                                             std::vector<double>(task_.items.size()));
    for (const FeatureBatch& batch : batches_) {
      const std::int64_t together = std::max<std::int64_t>(
          1, options_.batch_tokens / (batch.prompts.rows() * batch.prompts.columns()));
      for (std::size_t from = 0; from < features.size();
           from += static_cast<std::size_t>(together)) {
        const std::size_t end =
            std::min(features.size(), from + static_cast<std::size_t>(together));
        run_changed(batch,
                    {features.begin() + static_cast<std::ptrdiff_t>(from),
                     features.begin() + static_cast<std::ptrdiff_t>(end)},
                    &effects[from]);
        tell(end - from, features.size());
      }
    }
    return result(features, effects);
  }

 private:
  void tell(std::size_t more, std::size_t features) {
    done_ += static_cast<std::int64_t>(more);
    if (options_.progress) {
      options_.progress(done_, static_cast<std::int64_t>(features * batches_.size()));
    }
    if (options_.stop && options_.stop()) {
      throw Interrupted();
    }
  }

  Tensor rows_in(Recorder& recorder) const {
    return sae_.rows_of(recorder.at(name_)).to(at::kFloat);
  }

  FeatureBatch run_unchanged(const PromptBatch& prompts) {
    const ForwardOptions last{.logits = Logits::last, .vocab = scoring_.vocab()};
    Recorder clean(std::vector<std::string>{name_});
    const Tensor clean_logits = model_.forward(prompts.clean, clean, last).logits;
    Recorder corrupted(std::vector<std::string>{name_});
    const Tensor corrupted_logits = model_.forward(prompts.corrupted, corrupted, last).logits;
    FeatureBatch batch{.prompts = prompts,
                       .codes = sae_.encode(rows_in(clean)),
                       .change = {},
                       .clean = scoring_.values(clean_logits, prompts.items, clean_logits),
                       .corrupted = scoring_.values(corrupted_logits, prompts.items, clean_logits),
                       .clean_logits = clean_logits};
    const Tensor before = batch.codes.dense();
    batch.change = options_.act == FeatureAct::ablate
                       ? before.neg()
                       : sae_.encode(rows_in(corrupted)).dense() - before;
    const Tensor real = real_rows(prompts.layout()).to(before.device());
    const Tensor own = before * real;
    const Tensor size = (batch.change * real).abs().sum(0) * sae_.weights().W_dec.norm(2, 1);
    add_to(size_, size);
    add_to(codes_, own.sum(0));
    add_to(fired_, (own != 0).to(at::kFloat).sum(0));
    tokens_ += real.sum().item<double>();
    return batch;
  }

  static void add_to(Tensor& sum, const Tensor& more) { sum = sum.defined() ? sum + more : more; }

  // [rows · columns, 1] f32: 0 of padding.
  static Tensor real_rows(const BatchLayout& layout) {
    Tensor real = at::ones({layout.rows, layout.columns}, at::kFloat);
    for (std::int64_t row = 0; row < std::ssize(layout.pads); ++row) {
      real.select(0, row).narrow(0, 0, layout.pads[static_cast<std::size_t>(row)]).zero_();
    }
    return real.reshape({-1, 1});
  }

  std::vector<std::int64_t> chosen() const {
    for (const std::int64_t feature : options_.features) {
      if (feature < 0 || feature >= sae_.config().d_sae) {
        throw UsageError("no feature {}; the autoencoder has {}, 0 to {}",
                         feature,
                         sae_.config().d_sae,
                         sae_.config().d_sae - 1);
      }
    }
    if (!options_.features.empty()) {
      return options_.features;
    }
    const std::vector<float> size = to_floats(size_);
    std::vector<std::int64_t> order(size.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      order[i] = static_cast<std::int64_t>(i);
    }
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
      return size[static_cast<std::size_t>(a)] > size[static_cast<std::size_t>(b)];
    });
    std::erase_if(order, [&](std::int64_t feature) {
      return !(size[static_cast<std::size_t>(feature)] > 0);
    });
    order.resize(std::min(order.size(), static_cast<std::size_t>(options_.most)));
    if (order.empty()) {
      throw UsageError("no feature changes on this task's prompts");
    }
    return order;
  }

  void run_changed(const FeatureBatch& batch,
                   const std::vector<std::int64_t>& features,
                   std::vector<double>* effects) const {
    std::vector<Tensor> additions;
    for (const std::int64_t feature : features) {
      additions.push_back(sae_.decoded_change(batch.change.narrow(1, feature, 1),
                                              index_tensor({feature}, batch.change.device()),
                                              batch.codes));
    }
    const auto times = std::ssize(features);
    std::vector<std::int64_t> items;
    for (std::int64_t i = 0; i < times; ++i) {
      items.insert(items.end(), batch.prompts.items.begin(), batch.prompts.items.end());
    }
    AddToPoint tap(point_, at::cat(additions));
    const Tensor logits = model_
                              .forward(repeated(batch.prompts.clean, times),
                                       tap,
                                       {.logits = Logits::last, .vocab = scoring_.vocab()})
                              .logits;
    const std::vector<double> values =
        scoring_.values(logits, items, batch.clean_logits.repeat({times, 1}));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::size_t row = i % batch.clean.size();
      effects[i / batch.clean.size()][static_cast<std::size_t>(batch.prompts.items[row])] =
          values[i] - batch.clean[row];
    }
  }

  FeatureEffects result(const std::vector<std::int64_t>& features,
                        const std::vector<std::vector<double>>& effects) const {
    FeatureEffects all;
    const std::vector<float> codes = to_floats(codes_);
    const std::vector<float> fired = to_floats(fired_);
    for (std::size_t i = 0; i < features.size(); ++i) {
      const auto feature = static_cast<std::size_t>(features[i]);
      all.features.push_back({.feature = features[i],
                              .fired = static_cast<double>(fired[feature]) / tokens_,
                              .mean_code = static_cast<double>(codes[feature]) / tokens_,
                              .effect = summarize(effects[i], {.seed = options_.seed})});
    }
    std::stable_sort(all.features.begin(),
                     all.features.end(),
                     [](const FeatureEffect& a, const FeatureEffect& b) {
                       return std::abs(a.effect.mean) > std::abs(b.effect.mean);
                     });
    std::vector<double> clean;
    std::vector<double> corrupted;
    for (const FeatureBatch& batch : batches_) {
      clean.insert(clean.end(), batch.clean.begin(), batch.clean.end());
      corrupted.insert(corrupted.end(), batch.corrupted.begin(), batch.corrupted.end());
    }
    all.clean = mean_of(clean);
    all.corrupted = mean_of(corrupted);
    return all;
  }

  const Sae& sae_;
  const Model& model_;
  const Task& task_;
  const Scoring& scoring_;
  const FeatureEffectOptions& options_;
  HookPoint point_;
  std::string name_;
  std::vector<FeatureBatch> batches_;
  Tensor size_;   // [d_sae] Σ|f' − f|·‖W_dec row‖
  Tensor codes_;  // [d_sae] Σ f
  Tensor fired_;  // [d_sae] tokens
  double tokens_ = 0.0;
  std::int64_t done_ = 0;
};

}  // namespace

FeatureEffects feature_effects(const Sae& sae,
                               const Model& model,
                               const Task& task,
                               const Scoring& scoring,
                               const FeatureEffectOptions& options) {
  const at::NoGradGuard no_grad;
  if (sae.config().is_transcoder()) {
    throw UsageError("a transcoder reads one hook point and writes another; give an autoencoder");
  }
  return FeatureRuns(sae, model, task, scoring, options).run();
}

}  // namespace headscope
