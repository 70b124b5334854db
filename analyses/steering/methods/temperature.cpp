#include <cmath>

#include <ATen/ops/where.h>

#include "analyses/steering/applied.h"
#include "analyses/steering/edit_taps.h"
#include "analyses/steering/head_choice.h"
#include "analyses/steering/methods.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kTempered = 10;
constexpr double kSharper = 2.0;

// ∂score/∂(log of a factor on the head's scores). Unseen keys, −∞, have no part in it.
Tensor scores_times_gradient(const Visit&, const Tensor& scores, const Tensor& gradient) {
  const Tensor seen = scores.to(at::kFloat);
  const Tensor product = seen * gradient.to(at::kFloat);
  return at::where(seen.isfinite(), product, at::zeros_like(product)).sum(at::IntArrayRef{0, 2, 3});
}

// Sharper where that raises the score (towards the goal), flatter where it lowers it.
Steering fit_temperature(const SteerRequest& request) {
  const Model& model = request.model;
  const double factor = request.settings.alpha.value_or(kSharper);
  if (factor <= 1.0) {
    throw UsageError("--alpha {}: a factor above 1, by which scores are multiplied or divided",
                     factor);
  }
  const Contrast contrast(request.fit);
  const Goal goal = goal_of(request.settings);
  const double sign = goal == Goal::raise ? 1.0 : -1.0;
  HeadScores slopes = estimated_effects(model, contrast, Site::attn_scores, scores_times_gradient);
  HeadScores estimates(slopes.grid);
  for (std::size_t i = 0; i < slopes.size(); ++i) {
    estimates.values[i] = sign * std::log(factor) * std::abs(slopes.values[i]);
  }
  const auto factor_of = [&](const HeadId& head) {
    return sign * slopes[head] > 0.0 ? 1.0 / factor : factor;  // as a temperature
  };
  const auto tempered = [&](const HeadId& head) {
    return taps_of(model, at_heads({head}, Op::temperature, factor_of(head), Site::attn_scores));
  };
  const HeadChoice choice{
      .change = tempered,
      .count = static_cast<std::size_t>(request.settings.top.value_or(kTempered)),
      .goal = goal};
  const std::vector<MeasuredHead> heads = choose_heads(model, contrast, estimates, choice);
  Steering out{.direction = direction_of(model, "temperature", Op::temperature), .edits = {}};
  out.chosen["heads"] = to_json(heads);
  for (const bool sharper : {true, false}) {
    std::vector<HeadId> alike;
    for (const MeasuredHead& one : heads) {
      if ((factor_of(one.head) < 1.0) == sharper) {
        alike.push_back(one.head);
      }
    }
    for (Intervention& edit :
         at_heads(alike, Op::temperature, sharper ? 1.0 / factor : factor, Site::attn_scores)) {
      out.edits.push_back(std::move(edit));
    }
  }
  return out;
}

}  // namespace

SteerMethod temperature_method() {
  return {.name = "temperature",
          .summary = "Attention of heads sharpened or flattened, as it helps",
          .definition =
              "a head's attention scores times alpha (default 2; temperature 1 / alpha) where "
              "Σ S · ∂score/∂S > 0, by alpha where it is < 0; of the 3 · --top best estimates the "
              "effects are measured, and --top (default 10) kept",
          .source = "headscope",
          .reads = {"top", "alpha", "goal"},
          .fit = fit_temperature};
}

}  // namespace headscope
