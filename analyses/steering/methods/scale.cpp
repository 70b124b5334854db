#include "analyses/steering/applied.h"
#include "analyses/steering/edit_taps.h"
#include "analyses/steering/head_choice.h"
#include "analyses/steering/methods.h"

namespace headscope {
namespace {

constexpr std::int64_t kScaled = 10;
constexpr double kScaleFactor = 1.5;

Steering fit_scale(const SteerRequest& request) {
  const Model& model = request.model;
  const double factor = request.settings.alpha.value_or(kScaleFactor);
  const Contrast contrast(request.fit);
  HeadScores estimates = estimated_effects(model, contrast, Site::z, value_times_gradient);
  for (double& value : estimates.values) {
    value *= factor - 1.0;
  }
  const auto scaled = [&](const HeadId& head) {
    return taps_of(model, at_heads({head}, Op::scale, factor));
  };
  const HeadChoice choice{.change = scaled,
                          .count = static_cast<std::size_t>(request.settings.top.value_or(kScaled)),
                          .goal = goal_of(request.settings)};
  const std::vector<MeasuredHead> heads = choose_heads(model, contrast, estimates, choice);
  Steering out{.direction = direction_of(model, "scale", Op::scale),
               .edits = at_heads(heads_of(heads), Op::scale, factor)};
  out.chosen["heads"] = to_json(heads);
  return out;
}

}  // namespace

SteerMethod scale_method() {
  return {
      .name = "scale",
      .summary = "Heads turned up where that raises (or lowers) the score",
      .definition =
          "the effect of alpha · z (default 1.5) of each head is estimated by (alpha − 1) Σ z · "
          "∂score/∂z; of the 3 · --top best the effects are measured, and --top (default "
          "10) kept",
      .source = "headscope; the estimate: Michel et al. 2019, arXiv:1905.10650",
      .reads = {"top", "alpha", "goal"},
      .fit = fit_scale};
}

}  // namespace headscope
