#include "analyses/sae/feature_contexts.h"

#include <algorithm>
#include <cmath>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/topk.h>

#include "analyses/sae/sae_eval.h"
#include "hooks/recorder.h"
#include "lib/base/error.h"
#include "lib/model/batch_plan.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr double kBinsPerDecade = 2.0;

// Sums and largest codes over batches. The largest of a prompt alone counts for contexts.
class CodeSurvey {
 public:
  CodeSurvey(std::int64_t features, std::int64_t contexts, const at::TensorOptions& on)
      : contexts_(contexts) {
    fired_ = at::zeros({features}, on.dtype(at::kDouble));
    sum_ = at::zeros({features}, on.dtype(at::kDouble));
    codes_ = at::zeros({0, features}, on);
    prompts_ = at::zeros({0, features}, on.dtype(at::kLong));
    positions_ = at::zeros({0, features}, on.dtype(at::kLong));
  }

  // f: [B, T, features], of prompts [B] from position `first` on.
  void add(const Tensor& f, const Tensor& prompts, std::int64_t first) {
    fired_ += (f != 0).sum(at::IntArrayRef{0, 1}).to(at::kDouble);
    sum_ += f.to(at::kDouble).sum(at::IntArrayRef{0, 1});
    tokens_ += f.size(0) * f.size(1);
    const auto [largest, at] = f.max(1);  // [B, features]
    codes_ = at::cat({codes_, largest});
    prompts_ = at::cat({prompts_, prompts.unsqueeze(1).expand_as(at)});
    positions_ = at::cat({positions_, at + first});
    if (codes_.size(0) > contexts_) {
      const auto [kept, index] = at::topk(codes_, contexts_, 0, /*largest=*/true, /*sorted=*/true);
      codes_ = kept;
      prompts_ = prompts_.gather(0, index);
      positions_ = positions_.gather(0, index);
    }
  }

  [[nodiscard]] std::int64_t tokens() const { return tokens_; }
  [[nodiscard]] const Tensor& fired() const { return fired_; }
  [[nodiscard]] const Tensor& sum() const { return sum_; }

  [[nodiscard]] FeatureUse of(std::int64_t feature) const {
    const double fired = fired_[feature].item<double>();
    FeatureUse use{.feature = feature,
                   .density = fired / static_cast<double>(tokens_),
                   .mean_code = fired > 0 ? sum_[feature].item<double>() / fired : 0.0,
                   .contexts = {}};
    const Tensor codes = codes_.select(1, feature).cpu();
    const Tensor order = codes.argsort(0, /*descending=*/true);
    for (std::int64_t i = 0; i < order.numel(); ++i) {
      const auto at = order[i].item<std::int64_t>();
      const double code = codes[at].item<double>();
      if (code > 0) {
        use.contexts.push_back({.prompt = prompts_[at][feature].item<std::int64_t>(),
                                .position = positions_[at][feature].item<std::int64_t>(),
                                .code = code});
      }
    }
    use.largest = use.contexts.empty() ? 0.0 : use.contexts.front().code;
    return use;
  }

 private:
  std::int64_t contexts_;
  std::int64_t tokens_ = 0;
  Tensor fired_;
  Tensor sum_;
  Tensor codes_;  // [≤ contexts, features], and where they are
  Tensor prompts_;
  Tensor positions_;
};

void add_histogram(FeatureContexts& all, const CodeSurvey& survey) {
  const std::vector<float> fired = to_floats(survey.fired());
  const double tokens = static_cast<double>(survey.tokens());
  all.first = std::floor(kBinsPerDecade * std::log10(1.0 / tokens)) / kBinsPerDecade;
  all.histogram.resize(static_cast<std::size_t>(-kBinsPerDecade * all.first) + 1);
  for (const float each : fired) {
    if (each == 0) {
      ++all.dead;
      continue;
    }
    const double place =
        kBinsPerDecade * (std::log10(static_cast<double>(each) / tokens) - all.first);
    ++all.histogram.at(std::min(static_cast<std::size_t>(place), all.histogram.size() - 1));
  }
}

std::vector<std::int64_t> surveyed(const Sae& sae,
                                   const CodeSurvey& survey,
                                   const FeatureContextOptions& options) {
  const std::int64_t features = sae.config().d_sae;
  for (const std::int64_t feature : options.features) {
    if (feature < 0 || feature >= features) {
      throw UsageError(
          "no feature {}; the autoencoder has {}, 0 to {}", feature, features, features - 1);
    }
  }
  if (!options.features.empty()) {
    return options.features;
  }
  const Tensor written = survey.sum() * sae.weights().W_dec.norm(2, 1);
  const Tensor order = written.cpu().argsort(/*stable=*/true, 0, /*descending=*/true);
  std::vector<std::int64_t> chosen;
  for (std::int64_t i = 0; i < std::min(options.most, features); ++i) {
    const auto feature = order[i].item<std::int64_t>();
    if (survey.fired()[feature].item<double>() > 0) {
      chosen.push_back(feature);
    }
  }
  return chosen;
}

}  // namespace

FeatureContexts feature_contexts(const Sae& sae,
                                 const Model& model,
                                 const std::vector<Prompt>& prompts,
                                 const FeatureContextOptions& options) {
  const at::NoGradGuard no_grad;
  const HookPoint point = point_of_sae(sae, model.config());
  const std::string name = hook_name(point.site, point.layer);
  CodeSurvey survey(sae.config().d_sae, options.contexts, sae.weights().b_dec.options());
  std::int64_t done = 0;
  for (const auto& batch : plan_batches(
           lengths_of(prompts), {.most_tokens = options.batch_tokens, .padding = Padding::none})) {
    std::vector<std::vector<std::int32_t>> ids;
    std::vector<std::int64_t> numbers;
    for (const std::size_t prompt : batch) {
      ids.push_back(prompts[prompt].tokens);
      numbers.push_back(static_cast<std::int64_t>(prompt));
    }
    done += std::ssize(batch);
    const std::int64_t first = options.first_position;
    if (std::ssize(ids.front()) > first) {
      Recorder recorder(std::vector<std::string>{name});
      model.forward(Batch(ids), recorder, {.logits = Logits::none});
      const Tensor value = recorder.at(name);
      const Tensor f = sae.encode(sae.rows_of(value)).dense();
      survey.add(
          f.reshape({value.size(0), value.size(1), -1}).narrow(1, first, value.size(1) - first),
          index_tensor(numbers, f.device()),
          first);
    }
    if (options.progress) {
      options.progress(done, std::ssize(prompts));
    }
  }
  if (survey.tokens() == 0) {
    throw UsageError("no prompt has a token behind position {}; give longer ones",
                     options.first_position);
  }
  FeatureContexts all{.tokens = survey.tokens(), .histogram = {}, .features = {}};
  add_histogram(all, survey);
  for (const std::int64_t feature : surveyed(sae, survey, options)) {
    all.features.push_back(survey.of(feature));
  }
  return all;
}

}  // namespace headscope
