// The one interface between a forward pass and whoever watches or changes it. Hooks are an argument
// of forward, never state of a model.
#pragma once

#include <vector>

#include "lib/model/batch.h"
#include "lib/model/site.h"
#include "lib/tensor/tensor.h"

namespace headscope {

struct AttentionInputs;

// What a tap will do with a value. The forward pass forms a value only if somebody wants it, and
// leaves the fused attention path only for an edit of scores or pattern (of scores not always:
// changes_scores_fused()): looking never changes the answer. `supply` says that the tap brings the
// value without having seen it: hook_attn_out and hook_mlp_out are then not computed at all
// (visit() gets an undefined tensor); elsewhere it means edit.
enum class Interest { none, observe, edit, supply };

struct Visit {
  HookPoint point;
  const BatchLayout& layout;
  const ModelConfig& config;

  [[nodiscard]] std::string name() const { return hook_name(point.site, point.layer); }
};

class Tap {
 public:
  virtual ~Tap() = default;

  // Before and after each forward pass (a chunked one counts as one): the places to refuse what
  // names nothing and to complain of what never fired.
  virtual void begin(const ModelConfig&) {}
  virtual void end() {}

  // Asked before a value is formed.
  [[nodiscard]] virtual Interest wants(HookPoint point) const = 0;

  // Called with the value, axes as info(site).axes says; returns the value to go on with. A tap
  // that only observes returns its argument. Nothing may be changed in place.
  virtual Tensor visit(const Visit& visit, const Tensor& value) = 0;

  // A tap that wants what a layer's attention compares, queries and keys after QK-norm and rotation
  // with scale, window and all, is shown it beside the pass, which goes on as it would without:
  // statistics of long contexts start here (hooks/statistics_tap.h). `visit.point` is the layer's
  // hook_pattern.
  [[nodiscard]] virtual bool wants_attention(int) const { return false; }
  virtual void visit_attention(const Visit&, const AttentionInputs&) {}

  // True if all that the tap does to the layer's scores is to scale those of a query and to add to
  // them: the pass then has it change what attention is computed from, by change_scores(), and
  // stays on the fused path, in place of showing it scores by visit(). A tap made of others says so
  // only if none of them asks for scores otherwise; one that knows nothing of this is shown the
  // scores, which is as right and slower.
  [[nodiscard]] virtual bool changes_scores_fused(int) const { return false; }
  // By scale_scores() and add_to_scores() (lib/attention/attention.h). `visit.point` is the layer's
  // hook_attn_scores.
  virtual void change_scores(const Visit&, AttentionInputs&) {}

  // True if a step of decoding (one more token of the same rows) has the tap launch on the device
  // what the step before had it launch, all that differs lying in tensors that step_begins() fills:
  // such steps may be recorded once and replayed without asking the tap
  // (lib/generate/decode_runner.h). The texts of the rows are known (BatchLayout::texts).
  [[nodiscard]] virtual bool replayable() const { return false; }
  // Before the first of steps that launch the same: rows came together, or the cache has room for
  // another number of keys. What was put on the device for steps before does not fit these.
  virtual void steps_start() {}
  // Before and after each such step, whether its launches run now, are recorded, or replayed. Keys
  // that are shown during it are all that the cache has room for (AttentionInputs::hidden tells the
  // free ones), and nothing that visit() does may wait for the device or copy from the host, but in
  // the first step behind steps_start(). Whatever step_begins() refuses is not run.
  virtual void step_begins(const BatchLayout&) {}
  virtual void step_ended() {}
  // The step could not be recorded, so nothing of it was run: it runs as a pass. What was put on
  // the device for it is put there anew.
  virtual void recording_failed() {}
};

// For taps made of others: whether every one of them leaves the layer's scores alone or changes
// them fused; and their changes, in order.
bool all_change_scores_fused(const std::vector<const Tap*>& taps, int layer);
void change_scores_by(const std::vector<Tap*>& taps, const Visit& visit, AttentionInputs& in);

// A tap that wants nothing.
class NoTap final : public Tap {
 public:
  [[nodiscard]] Interest wants(HookPoint) const override { return Interest::none; }
  Tensor visit(const Visit&, const Tensor& value) override { return value; }
  [[nodiscard]] bool replayable() const override { return true; }
};

}  // namespace headscope
