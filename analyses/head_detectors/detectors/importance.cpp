// Gradient importance: how much would the loss change if the head were scaled?
#include "analyses/head_detectors/detectors.h"
#include "analyses/head_detectors/head_importance.h"
#include "analyses/head_detectors/head_samples.h"
#include "analyses/head_detectors/text_loss.h"
#include "lib/base/json.h"
#include "lib/model/gradients.h"
#include "lib/tensor/gaussian.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kImportancePerDomain = 3;  // prompts a seed

// |Σ over tokens of z · ∂L/∂z| of each prompt, as layers go by from the last to the first.
class ImportanceTap final : public GradientTap {
 public:
  ImportanceTap(const ModelConfig& config, std::uint64_t seed) : seed_(seed) {
    importance.resize(static_cast<std::size_t>(config.n_layers));
    control.resize(importance.size());
  }

  [[nodiscard]] bool wants(HookPoint point) const override { return point.site == Site::z; }

  void visit(const Visit& visit, const Tensor& z, const Tensor& gradient) override {
    const auto layer = static_cast<std::size_t>(visit.point.layer);
    const Tensor slope = gradient.to(at::kDouble);
    const Tensor value = z.to(at::kDouble);
    const Tensor direction =
        gaussian({z.size(1), z.size(2), z.size(3)}, seed_, layer).to(z.device(), at::kDouble);
    const Tensor as_long = direction / direction.norm(2, {-1}, true) * value.norm(2, {-1}, true);
    importance[layer] = (value * slope).sum({1, 3}).abs();
    control[layer] = (as_long * slope).sum({1, 3}).abs();
  }

  std::vector<Tensor> importance, control;  // [B, H] a layer

 private:
  std::uint64_t seed_;
};

// Each layer's scores over their length.
OrderedJson importance_by_layer(const Tensor& mean) {
  OrderedJson layers = OrderedJson::array();
  const Tensor normed = mean / mean.norm(2, {1}, true).clamp_min(1e-30);
  for (std::int64_t layer = 0; layer < mean.size(0); ++layer) {
    OrderedJson heads = OrderedJson::array();
    for (std::int64_t head = 0; head < mean.size(1); ++head) {
      heads.push_back(normed[layer][head].item<double>());
    }
    layers.push_back(std::move(heads));
  }
  return layers;
}

Finding run_importance(const DetectorContext& context) {
  std::vector<Tensor> scores;
  std::vector<Tensor> controls;
  for (const std::uint64_t seed : context.seeds) {
    if (stopped(context)) {
      break;
    }
    const HeadImportance found = head_importance(
        context.model, text_sample(context.model, seed, kImportancePerDomain), seed);
    scores.push_back(found.importance);
    controls.push_back(found.control);
  }
  Finding finding{head_samples(scores), head_samples(controls)};
  if (!scores.empty()) {
    finding.notes["normalized_by_layer"] = importance_by_layer(at::cat(scores).mean(0));
  }
  return finding;
}

std::string importance_undefined(const Model& model) {
  return model.has_tokenizer() ? "" : "no tokenizer beside the weights";
}

}  // namespace

HeadImportance head_importance(const Model& model,
                               const std::vector<std::vector<std::int32_t>>& prompts,
                               std::uint64_t seed) {
  const Batch batch(prompts);
  ImportanceTap tap(model.config(), seed);
  const Objective loss = [&](const Tensor& logits) {
    return -next_token_log_probs(logits, batch.tokens()).mean(1);
  };
  gradients(model, batch, loss, tap, {}, Logits::all);
  return {at::stack(tap.importance, 1), at::stack(tap.control, 1)};
}

Detector importance_detector() {
  return {
      .name = "importance",
      .role = "important head (gradient)",
      .summary = "the loss on text changes when the head's output is scaled",
      .definition =
          "mean over prompts of |Σ over tokens z · ∂L/∂z|, L the mean loss of the next token in "
          "natural text. Control: random vectors as long as z in its place. notes: normalised by "
          "layer",
      .source = "Michel et al. 2019, arXiv:1905.10650, section 4.1",
      .threshold = std::nullopt,
      .threshold_source = "",
      .undefined = importance_undefined,
      .run = run_importance,
  };
}

}  // namespace headscope
