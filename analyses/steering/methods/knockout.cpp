#include "analyses/steering/applied.h"
#include "analyses/steering/edit_taps.h"
#include "analyses/steering/head_choice.h"
#include "analyses/steering/methods.h"

namespace headscope {
namespace {

constexpr std::int64_t kKnockedOut = 5;

Steering fit_knockout(const SteerRequest& request) {
  const Model& model = request.model;
  const Contrast contrast(request.fit);
  HeadScores estimates = estimated_effects(model, contrast, Site::z, value_times_gradient);
  for (double& value : estimates.values) {
    value = -value;  // of removing it
  }
  const auto zeroed = [&](const HeadId& head) {
    return taps_of(model, at_heads({head}, Op::zero, 1.0));
  };
  const HeadChoice choice{
      .change = zeroed,
      .count = static_cast<std::size_t>(request.settings.top.value_or(kKnockedOut)),
      .goal = goal_of(request.settings)};
  const std::vector<MeasuredHead> heads = choose_heads(model, contrast, estimates, choice);
  Steering out{.direction = direction_of(model, "knockout", Op::zero),
               .edits = at_heads(heads_of(heads), Op::zero, 1.0)};
  out.chosen["heads"] = to_json(heads);
  return out;
}

}  // namespace

SteerMethod knockout_method() {
  return {.name = "knockout",
          .summary = "Heads switched off whose loss raises (or lowers) the score",
          .definition =
              "the effect of z = 0 of each head is estimated by −Σ z · ∂score/∂z; of the 3 · "
              "--top best the effects are measured, and --top (default 5) kept: z = 0",
          .source =
              "Michel et al. 2019, Are sixteen heads really better than one?, "
              "arXiv:1905.10650 (the estimate)",
          .reads = {"top", "goal"},
          .fit = fit_knockout};
}

}  // namespace headscope
