// What interventions at attention scores do on the fused path.
#include "hooks/intervention_ops.h"
#include "hooks/intervention_tap.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// A tensor of the shape of the scores and one number: what selections of scores ask for.
Tensor shape_of_scores(const AttentionInputs& in) {
  return at::zeros({1}, in.q.options().dtype(at::kFloat))
      .expand({in.q.size(0), in.q.size(2), in.q.size(1), in.k.size(1)});
}

// Whether some query sees a key that the mask selects for it.
bool selects_something(const Tensor& selected, const Tensor& seen) {
  return !selected.defined() || selected.any(1, true).logical_and(seen).any().item<bool>();
}

}  // namespace

InterventionTap::FusedChange InterventionTap::fused_change(const std::vector<EditGroup>& groups,
                                                           const Visit& visit,
                                                           const AttentionInputs& in) {
  const Tensor scores = shape_of_scores(in);
  check_meetings(groups, visit, scores);
  const Tensor seen = seen_pairs(visit, scores);
  AttentionInputs sum{.q = {}, .k = in.k, .v = {}, .spec = {}, .hidden = {}};
  EditGroup of;
  for (const EditGroup& group : groups) {
    const Intervention& what = plan_->step(group.front()).what;
    const Mask& mask = mask_of(group, visit, scores);
    const Tensor selected =
        mask.selected.defined() ? mask.selected.to(scores.device()) : mask.selected;
    if (mask.of.empty() || !selects_something(selected, seen)) {
      continue;
    }
    of.insert(of.end(), mask.of.begin(), mask.of.end());
    change_scores_by_op(what, visit, scores, selected, sum);
    if (what.op == Op::mask) {
      check_sighted_with(visit, sum.bias, seen);
    }
  }
  return {sum.score_scale, sum.bias, of};
}

void InterventionTap::change_scores(const Visit& visit, AttentionInputs& in) {
  const std::vector<EditGroup>& groups = *plan_->at(visit.point);
  if (steps_.running) {
    return change_placed_scores(groups, visit, in);
  }
  const Seen seen{visit.layout.keys(), in.spec.window, in.spec.visibility};
  auto found = fused_.find({groups, seen});
  if (found == fused_.end()) {
    found = fused_.emplace(std::pair{groups, seen}, fused_change(groups, visit, in)).first;
  }
  const FusedChange& change = found->second;
  if (change.scale.defined()) {
    scale_scores(in, change.scale);
  }
  if (change.bias.defined()) {
    add_to_scores(in, change.bias);
  }
  for (const std::size_t step : change.of) {
    plan_->count(step);
  }
}

}  // namespace headscope
