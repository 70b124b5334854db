// Several taps as one: edits | recorder.
#pragma once

#include <vector>

#include "lib/model/tap.h"

namespace headscope {

// Does not own its taps. At each point those that supply the value come first, then those that edit
// it, in order, then the observers, who see the result.
class TapList final : public Tap {
 public:
  TapList(std::vector<Tap*> taps) : taps_(std::move(taps)) {}

  void begin(const ModelConfig& config) override;
  void end() override;
  [[nodiscard]] Interest wants(HookPoint point) const override;
  Tensor visit(const Visit& visit, const Tensor& value) override;
  [[nodiscard]] bool wants_attention(int layer) const override;
  void visit_attention(const Visit& visit, const AttentionInputs& in) override;
  [[nodiscard]] bool changes_scores_fused(int layer) const override {
    return all_change_scores_fused({taps_.begin(), taps_.end()}, layer);
  }
  void change_scores(const Visit& visit, AttentionInputs& in) override {
    change_scores_by(taps_, visit, in);
  }

  [[nodiscard]] const std::vector<Tap*>& taps() const { return taps_; }

 private:
  std::vector<Tap*> taps_;
};

TapList operator|(Tap& first, Tap& second);
TapList operator|(TapList&& list, Tap& last);

}  // namespace headscope
