// Interventions made ready for one model: which points each changes, and the numbers it brings.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hooks/intervention.h"
#include "hooks/stored_values.h"
#include "lib/model/model.h"
#include "lib/model/tap.h"
#include "lib/sae/sae.h"

namespace headscope {

// The whole value of a point (axes as info(site).axes says) → the edited one, of the same shape.
using EditFunction = std::function<Tensor(const Visit& visit, const Tensor& value)>;

// An intervention, or a function of C++ in place of its op.
struct EditStep {
  Intervention what;
  EditFunction function = {};
};

// Steps that change a point as one: those that follow each other and do the same to other heads,
// positions or prompts. So a mask may differ by row of the batch and still cost one operation.
using EditGroup = std::vector<std::size_t>;

// Shared by passes that may run at once: only the counts change, and where autoencoders lie.
class InterventionPlan {
 public:
  // Throws UsageError naming the intervention: a site that names nothing, a layer, head or axis the
  // points do not have, an op that the site cannot take or that lacks its numbers; and what
  // resolved_values() and sae_for() throw. `tokenizer` of the model: only choices of tokens by what
  // they say ask for it, and are a UsageError without.
  InterventionPlan(std::vector<EditStep> steps,
                   const NamedValues& named,
                   const ModelConfig& config,
                   const std::string& weights_hash = {},
                   std::optional<Tokenizer> tokenizer = {});

  [[nodiscard]] std::size_t size() const { return steps_.size(); }
  [[nodiscard]] const EditStep& step(std::size_t index) const { return steps_[index]; }
  [[nodiscard]] const std::vector<HookPoint>& points() const { return points_; }  // of all steps
  [[nodiscard]] std::vector<HookPoint> points(std::size_t step) const;

  // The steps that change a point, in order; null: none.
  [[nodiscard]] const std::vector<EditGroup>* at(HookPoint point) const;
  // Whether all that changes the layer's scores does so on the fused path; false if nothing does.
  [[nodiscard]] bool changes_scores_fused(int layer) const;
  // Whether a step asks what the layer's heads attend to.
  [[nodiscard]] bool asks_statistics(int layer) const;
  // Whether a step of decoding is changed by the operations that changed the one before it, the
  // parts and strengths of each step being told beforehand: not by functions, autoencoders and
  // values that differ from position to position.
  [[nodiscard]] bool replayable() const;
  // Whether the steps of a group, at a point whose values have an axis of tokens, select the same
  // part of every token that the model writes, and change it as strongly.
  [[nodiscard]] bool alike_for_written(const EditGroup& group) const;
  [[nodiscard]] const ResolvedValues& values(std::size_t step, HookPoint point) const;
  // The autoencoder of a step with op sae, on that device: brought there once.
  [[nodiscard]] Sae sae(std::size_t step, const at::Device& device) const;

  // selected() of what a step selects; bool, on the CPU.
  [[nodiscard]] Tensor selected(std::size_t step, const Visit& visit, const Tensor& value) const;

  // "intervention 1 (zero of blocks.0.attn.hook_z)"
  [[nodiscard]] std::string name(std::size_t step) const;

  // Whether two steps may select the same part of a point. One that puts something in place of what
  // an earlier one made is an exception from it, so it selects some of what that one does. Masked
  // pairs stay so: a later change of scores is of others too.
  [[nodiscard]] bool may_meet(std::size_t earlier, std::size_t later) const;

  // How often each step changed something: values of a pass of which it selected a part.
  void count(std::size_t step) const { add(step, 1); }
  void add(std::size_t step, std::int64_t times) const { (*fired_)[step] += times; }
  [[nodiscard]] std::int64_t fired(std::size_t step) const { return (*fired_)[step]; }
  // Throws UsageError naming a step that changed nothing so far.
  void check_fired() const;

 private:
  using Key = std::pair<Site, int>;
  std::vector<EditStep> steps_;
  std::optional<Tokenizer> tokenizer_;
  std::vector<HookPoint> points_;
  std::map<Key, std::vector<EditGroup>> steps_at_;
  std::map<std::pair<std::size_t, Key>, ResolvedValues> values_;
  struct PlacedSaes {
    std::mutex mutex;
    std::map<std::size_t, Sae> of_steps;
  };
  std::shared_ptr<PlacedSaes> saes_ = std::make_shared<PlacedSaes>();
  std::shared_ptr<std::vector<std::atomic<std::int64_t>>> fired_;
};

// Interventions as steps of a plan, in order.
std::vector<EditStep> steps_of(const std::vector<Intervention>& interventions);

// The plan of interventions, with the values in memory that they name.
InterventionPlan plan_of(const std::vector<Intervention>& interventions,
                         const Model& model,
                         const NamedValues& named = {});

}  // namespace headscope
