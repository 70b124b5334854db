// Ablation: how much worse is text predicted without the head?
#include <algorithm>

#include "analyses/head_detectors/detectors.h"
#include "analyses/head_detectors/head_samples.h"
#include "analyses/head_detectors/text_loss.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::size_t kAblationTokens = 32;  // of a prompt: every head runs all of them again

// One prompt a seed, of one domain after the other.
std::vector<std::vector<std::int32_t>> prompts_of(const DetectorContext& context) {
  std::vector<std::vector<std::int32_t>> prompts;
  for (std::size_t i = 0; i < context.seeds.size(); ++i) {
    const auto domains = text_sample(context.model, context.seeds[i], 1);
    prompts.push_back(domains[i % domains.size()]);
    prompts.back().resize(std::min(kAblationTokens, prompts.back().size()));
  }
  return prompts;
}

Finding run_ablation(const DetectorContext& context) {
  const HeadAblation ablation(context.model, prompts_of(context));
  const Tensor whole = ablation.whole().unsqueeze(0);
  const Tensor lost = over_layers(context, 1, [&](std::int64_t layer) {
    return (whole - ablation.without_heads_of(layer)).flatten(1).t().to(at::kDouble);
  });
  Finding finding;
  if (lost.defined()) {
    finding.scores = head_samples(lost);
    finding.notes["text_log_probability"] = whole.mean().item<double>();
  }
  return finding;
}

std::string ablation_undefined(const Model& model) {
  return model.has_tokenizer() ? "" : "no tokenizer beside the weights";
}

}  // namespace

Detector ablation_detector() {
  return {
      .name = "ablation",
      .role = "head that text needs",
      .summary = "text is predicted worse without it",
      .definition =
          "mean over the tokens of natural text of log p(token) less the same with the head's z "
          "zeroed "
          "at every position, in nats; one passage of 32 tokens a seed",
      .source = "Michel et al. 2019, arXiv:1905.10650, section 3 (ablating one head)",
      .threshold = std::nullopt,
      .threshold_source = "",
      .undefined = ablation_undefined,
      .run = run_ablation,
  };
}

}  // namespace headscope
