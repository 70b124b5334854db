// A change that belongs to a model rather than to one pass: an analysis of such a model is the same
// analysis of the changed model, without knowing of the change.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/json_fwd.h"
#include "lib/model/tap.h"

namespace headscope {

class StandingChange {
 public:
  virtual ~StandingChange() = default;

  // A tap that edits one pass. Asked for every pass, from several threads at once.
  [[nodiscard]] virtual std::unique_ptr<Tap> tap() const = 0;

  // What tells one change from another: files made under different ones are not of one run.
  [[nodiscard]] virtual std::string hash() const = 0;
  // The file it was read from, as the user named it; empty if a program made it.
  [[nodiscard]] virtual std::string file() const { return {}; }
  // The change itself, for provenance.
  [[nodiscard]] virtual Json description() const = 0;

  // How often each part changed something so far: values of passes of which it selected some.
  struct Fired {
    std::string part;  // "intervention 1 (zero of blocks.0.attn.hook_z)"
    std::int64_t values = 0;
  };
  [[nodiscard]] virtual std::vector<Fired> fired() const = 0;
  // Adds to what fired() tells, part by part, what an equal change did to keys and values that are
  // taken over in place of a pass.
  virtual void add_fired(const std::vector<std::int64_t>& values) const = 0;

  // Whether it asks for all queries of a prompt at once: texts under it run neither in chunks nor
  // on from keys that were kept of another.
  [[nodiscard]] virtual bool of_whole_prompts() const { return false; }

  // Throws UsageError naming a part of the change that no pass so far has met.
  virtual void check_fired() const = 0;
};

// Throws the UsageError that says that this part of a change never changed anything.
[[noreturn]] void throw_never_fired(const std::string& part);

// Throws it for a part that changed nothing since fired() was `before`: where several runs share
// the change, each asks for itself.
void check_fired_since(const StandingChange& change,
                       const std::vector<StandingChange::Fired>& before);

// A standing change and the tap of a pass as one. At each point the change comes first and the tap
// sees, and edits, the changed value; what the tap supplies is taken as it is, since it
// replaces a value of the changed model and is changed already.
class StandingTap final : public Tap {
 public:
  StandingTap(const StandingChange& change, Tap& tap) : change_(change.tap()), tap_(tap) {}

  void begin(const ModelConfig& config) override;
  void end() override;
  [[nodiscard]] Interest wants(HookPoint point) const override;
  Tensor visit(const Visit& visit, const Tensor& value) override;
  [[nodiscard]] bool wants_attention(int layer) const override {
    return change_->wants_attention(layer) || tap_.wants_attention(layer);
  }
  void visit_attention(const Visit& visit, const AttentionInputs& in) override;

  [[nodiscard]] bool changes_scores_fused(int layer) const override {
    return all_change_scores_fused({change_.get(), &tap_}, layer);
  }
  void change_scores(const Visit& visit, AttentionInputs& in) override {
    change_scores_by({change_.get(), &tap_}, visit, in);
  }

  [[nodiscard]] bool replayable() const override {
    return change_->replayable() && tap_.replayable();
  }
  void steps_start() override {
    change_->steps_start();
    tap_.steps_start();
  }
  void step_begins(const BatchLayout& layout) override {
    change_->step_begins(layout);
    tap_.step_begins(layout);
  }
  void step_ended() override {
    change_->step_ended();
    tap_.step_ended();
  }
  void recording_failed() override {
    change_->recording_failed();
    tap_.recording_failed();
  }

  [[nodiscard]] const Tap& change() const { return *change_; }

 private:
  std::unique_ptr<Tap> change_;
  Tap& tap_;
};

}  // namespace headscope
