// Heads chosen by what changing them does to the score: estimated for all from one pass forwards
// and backwards, then measured for the best.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "analyses/steering/contrast.h"
#include "analyses/steering/steer_method.h"
#include "hooks/intervention_plan.h"
#include "lib/base/head_scores.h"

namespace headscope {

// `value` and `gradient` of a hook point with an axis of query heads → the estimated change of the
// summed score, [n_heads].
using HeadEstimate =
    std::function<Tensor(const Visit& visit, const Tensor& value, const Tensor& gradient)>;

// The estimated change of the mean score by changing each head, from gradients at `site`.
HeadScores estimated_effects(const Model& model,
                             const Contrast& contrast,
                             Site site,
                             const HeadEstimate& estimate);

// Σ over positions of value · gradient, [n_heads]: the effect of scaling a head's output by 1 + ε,
// over ε; its negative is the estimate of removing it (Michel et al. 2019, arXiv:1905.10650).
Tensor value_times_gradient(const Visit& visit, const Tensor& value, const Tensor& gradient);

enum class Goal { raise, lower };
Goal goal_of(const SteerSettings& settings);  // default raise; UsageError for another word

struct MeasuredHead {
  HeadId head;
  double estimate = 0.0;  // of the change of the mean score
  double effect = 0.0;    // measured, with this head alone changed
};

struct HeadChoice {
  // Of one head alone: what will be done to it.
  std::function<TapMaker(const HeadId& head)> change;
  std::size_t count = 0;  // how many heads
  Goal goal = Goal::raise;
};

// Of the 3 · count heads of the highest estimates towards the goal, the `count` of the largest
// measured effects, the largest first; heads whose effect is away from the goal are left out, and
// those whose estimate is NaN, which may not be chosen.
// Throws UsageError if none is left, or for a count that the model does not have.
std::vector<MeasuredHead> choose_heads(const Model& model,
                                       const Contrast& contrast,
                                       const HeadScores& estimates,
                                       const HeadChoice& choice);

std::vector<HeadId> heads_of(const std::vector<MeasuredHead>& measured);

// settings.heads: heads by number ("23.3,23.0"), or those that a direction of this model (its
// folder) was fitted to, those it ranked first in front; of them the first settings.top, if that is
// set. Heads chosen by the examples of another task are the control for those chosen by one's own
// (LoFiT: Yin et al. 2024, arXiv:2406.01563). Throws what read_direction() does; DataError for a
// direction of another model or of no chosen heads; UsageError for what is no list of heads, for a
// head that the model lacks, and for more heads than there are.
std::vector<HeadId> given_heads(const Model& model, const SteerSettings& settings);

OrderedJson to_json(const std::vector<MeasuredHead>& measured);

}  // namespace headscope
