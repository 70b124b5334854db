// Runs a plan of interventions in one forward pass.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <tuple>

#include "hooks/intervention_plan.h"
#include "hooks/placed_edits.h"

namespace headscope {

class InterventionTap final : public Tap {
 public:
  explicit InterventionTap(std::shared_ptr<const InterventionPlan> plan) : plan_(std::move(plan)) {}

  void begin(const ModelConfig& config) override;
  [[nodiscard]] Interest wants(HookPoint point) const override {
    return plan_->at(point) == nullptr ? Interest::none : Interest::edit;
  }

  // Only the selected part changes, the rest stays bit for bit. At scores and patterns, what a
  // query cannot see (later keys, padding, beyond a window) is never part of a selection. Throws
  // UsageError for stored values that do not fit, for a mask that leaves a query no key, and for
  // two steps that select the same part though they must not (InterventionPlan::may_meet()).
  Tensor visit(const Visit& visit, const Tensor& value) override;

  // Where conditions ask for it.
  [[nodiscard]] bool wants_attention(int layer) const override {
    return plan_->asks_statistics(layer);
  }
  void visit_attention(const Visit& visit, const AttentionInputs& in) override;

  [[nodiscard]] bool changes_scores_fused(int layer) const override {
    return plan_->changes_scores_fused(layer);
  }
  // What the layer's steps make of scores; the same errors.
  void change_scores(const Visit& visit, AttentionInputs& in) override;

  // In hooks/intervention_steps.cpp.
  [[nodiscard]] bool replayable() const override { return plan_->replayable(); }
  void steps_start() override { steps_ = {}; }
  void step_begins(const BatchLayout& layout) override;
  void step_ended() override;
  void recording_failed() override;

 private:
  // What the steps of some layers, which see the same keys, make of scores in one pass.
  struct FusedChange {
    Tensor scale{};  // undefined: none
    Tensor bias{};   // too
    EditGroup of{};  // the steps that change something
  };
  using Seen = std::tuple<std::int64_t, std::int64_t, Visibility>;  // keys, window, visibility
  FusedChange fused_change(const std::vector<EditGroup>& groups,
                           const Visit& visit,
                           const AttentionInputs& in);

  struct Mask {
    Tensor selected{};                    // undefined: everything
    EditGroup of{};                       // the steps that select something
    bool of_pass = false;                 // it chooses positions, so it is of one pass
    std::vector<std::int64_t> prompts{};  // of the batch it was made for
    std::int64_t rows = 0;
  };
  const Mask& mask_of(const EditGroup& group, const Visit& visit, const Tensor& value);
  [[nodiscard]] std::int64_t place_of(const std::vector<std::size_t>& steps,
                                      const Visit& visit) const;

  void check_meetings(const std::vector<EditGroup>& groups,
                      const Visit& visit,
                      const Tensor& value);
  void check_apart(std::size_t earlier, std::size_t later, const Visit& visit, const Tensor& value);

  // What a group changes of a value.
  struct Part {
    bool any = false;   // false: nothing
    Tensor chosen{};    // what it selects; undefined: everything
    Tensor where{};     // the same without what a query cannot see and where a condition holds not
    Tensor strength{};  // by its schedule; undefined: it has none
  };
  Part part_of(const EditGroup& group, const Visit& visit, const Tensor& value);
  Tensor changed_by(const EditGroup& group, const Visit& visit, const Tensor& value);

  // Of a step that may be recorded.
  Part placed_part_of(const EditGroup& group, const Visit& visit, const Tensor& value);
  PlacedPart& placed_part(const EditGroup& group, const Visit& visit, const Tensor& value);
  void fill(const EditGroup& group, PlacedPart& part, const BatchLayout& layout);
  void change_placed_scores(const std::vector<EditGroup>& groups,
                            const Visit& visit,
                            AttentionInputs& in);
  void fill(const std::vector<EditGroup>& groups, PlacedScores& scores, const BatchLayout& layout);
  void check_first_step(const Visit& visit) const;
  void note_meetings(const std::vector<EditGroup>& groups, const Visit& visit, const Tensor& value);
  void show_placed_attention(const Visit& visit, const AttentionInputs& in);
  void forget_pass();
  Tensor numbers_of(std::size_t step, const Visit& visit, const Tensor& value, const Tensor& where);
  [[nodiscard]] Tensor where_it_holds(const HeadCondition& condition,
                                      const Visit& visit,
                                      const Tensor& value) const;

  std::shared_ptr<const InterventionPlan> plan_;
  const ModelConfig* config_ = nullptr;  // of the model whose passes these are
  PlacedEdits steps_;
  std::map<std::pair<std::vector<EditGroup>, Seen>, FusedChange> fused_;  // of the pass
  AttentionStatistics attended_;  // of the layer under way, where its steps ask
  // A selection is worked out once for each kind of value a pass shows: steps, site, place_of().
  // Those without positions serve every pass over one batch (steps of decoding).
  std::map<std::tuple<EditGroup, Site, std::int64_t>, Mask> masks_;
  // Values of steps at points, as they lie on the device.
  std::map<std::tuple<std::size_t, Site, int>, ResolvedValues> placed_;
  // Pairs of steps that were found to select different parts, with the masks as they are.
  std::set<std::tuple<std::size_t, std::size_t, Site, std::int64_t>> apart_;
};

}  // namespace headscope
