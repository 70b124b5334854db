#include <limits>

#include "analyses/steering/applied.h"
#include "analyses/steering/edit_taps.h"
#include "analyses/steering/head_choice.h"
#include "analyses/steering/methods.h"
#include "hooks/pattern_ops.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kCalibratedHeads = 20;
constexpr double kSinkFactor = 0.4;     // β
constexpr double kSinkThreshold = 0.1;  // of the mean weight of a key

std::vector<Intervention> calibration(const std::vector<HeadId>& heads, double factor) {
  std::vector<Intervention> edits = at_heads(heads, Op::calibrate_sinks, factor, Site::pattern);
  for (Intervention& edit : edits) {
    edit.threshold = kSinkThreshold;
    edit.where.apply.phase = Phase::prefill;  // a step of decoding has one query of many
  }
  return edits;
}

// The first two layers and the last are left alone, as published.
bool may_be_calibrated(const HeadId& head, const ModelConfig& config) {
  return head.layer >= 2 && head.layer < config.n_layers - 1;
}

Steering fit_act(const SteerRequest& request) {
  const Model& model = request.model;
  const double factor = request.settings.alpha.value_or(kSinkFactor);
  const Contrast contrast(request.fit);
  const HeadEstimate estimate = [&](const Visit& visit, const Tensor& value, const Tensor& slope) {
    const Tensor pattern = value.to(at::kFloat);
    const Tensor after =
        calibrated_sinks(visit, pattern, {.threshold = kSinkThreshold, .factor = factor});
    const Tensor query = at::arange(pattern.size(2), pattern.options().dtype(at::kLong));
    const Tensor asked =  // of the prompt: what is written attends as ever
        query.view({1, 1, -1, 1}) < ends_of_prompts(visit.layout, pattern.device());
    return at::where(asked, (after - pattern) * slope.to(at::kFloat), 0.0)
        .sum(at::IntArrayRef{0, 2, 3});
  };
  HeadScores estimates = estimated_effects(model, contrast, Site::pattern, estimate);
  for (const HeadId& head : estimates.heads()) {
    if (!may_be_calibrated(head, model.config())) {
      estimates[head] = std::numeric_limits<double>::quiet_NaN();
    }
  }
  const HeadChoice choice{
      .change = [&](const HeadId& head) { return taps_of(model, calibration({head}, factor)); },
      .count = static_cast<std::size_t>(request.settings.top.value_or(kCalibratedHeads)),
      .goal = goal_of(request.settings)};
  const std::vector<MeasuredHead> heads = choose_heads(model, contrast, estimates, choice);
  Steering out{.direction = direction_of(model, "act", Op::calibrate_sinks),
               .edits = calibration(heads_of(heads), factor)};
  out.chosen["heads"] = to_json(heads);
  return out;
}

}  // namespace

SteerMethod act_method() {
  return {.name = "act",
          .summary = "Attention calibration: later sinks weaker where that helps",
          .definition =
              "a sink is a key whose mean weight over the queries from it on is above 0.1, but for "
              "the first; its weights are multiplied by alpha (β, default 0.4), and what they lose "
              "goes to the query's other keys in proportion; of the 3 · --top best estimates "
              "Σ (A' − A) · ∂score/∂A, outside the first two layers and the last, the effects are "
              "measured, and --top (default 20) kept. Of prompts; what is written attends as ever",
          .source =
              "Yu et al. 2024, Unveiling and harnessing hidden attention sinks, "
              "arXiv:2406.15765 (there: every head measured)",
          .reads = {"top", "alpha", "goal"},
          .fit = fit_act};
}

}  // namespace headscope
