// Changes to a running model, written down in C++: interventions built fluently, and functions.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hooks/firing.h"
#include "hooks/intervention_tap.h"

namespace headscope {

class Edits final : public Tap {
 public:
  using Function = EditFunction;

  Edits() = default;
  // `values` are those that interventions refer to by name.
  // `tokenizer` of the model, for choices of tokens by what they say.
  explicit Edits(const std::vector<Intervention>& interventions,
                 NamedValues values = {},
                 std::optional<Tokenizer> tokenizer = {});

  // What is done at the points one `at` names. Of the value returned or made, only the selected
  // part is taken; the rest stays bit for bit.
  class Place {
   public:
    void scale(double factor);
    void zero();
    // `values` broadcast against the point's axes, trailing axes aligned: [d_head] fits every head
    // and position of hook_z. A shape that does not fit is a UsageError naming both.
    void add(const Tensor& values, double factor = 1.0);
    void replace(const Tensor& values);
    void project_out(const Tensor& direction);
    void low_rank(const Tensor& directions);  // [r, d], or one set a head: [heads, r, d]
    void clamp(std::optional<double> low, std::optional<double> high);
    void mask();                      // of hook_attn_scores: the selected pairs are not seen
    void bias(double add);            // of hook_attn_scores
    void temperature(double of);      // of hook_attn_scores, above 0
    void renormalize(double factor);  // of hook_attn_scores: weights × factor, all renormalised
    void uniform();                   // of hook_pattern: alike to all keys that a query sees
    void top_k(std::int64_t k);
    void set_row(const Tensor& weights);  // of hook_pattern: [L], from a row's first token on
    void calibrate_sinks(double threshold, double factor);  // of hook_pattern
    void apply(Function function);

   private:
    friend class Edits;
    Place(Edits& edits, std::string pattern, Selection selection);
    void push(Intervention what);
    void push(Intervention what, const Tensor& values);
    Edits& edits_;
    std::string pattern_;
    Selection selection_;
  };

  // Points by name, alias or glob (hooks/address.h). A pattern that names nothing, a head out of
  // range, or heads of a point without heads is a UsageError when the pass begins; a position
  // beyond a prompt when it is reached.
  Place at(std::string pattern, Selection selection = {});

  // What was built, as data; UsageError if a function is part of it, which no file can hold.
  [[nodiscard]] std::vector<Intervention> interventions() const;
  // How often intervention `index` changed a value in the latest pass. One that changed nothing is
  // a UsageError when a pass of whole prompts ends; a pass that goes on from a cache, or that says
  // which prompts of a longer list it runs, may meet some of them alone.
  [[nodiscard]] std::int64_t fired(std::size_t index) const;

  void begin(const ModelConfig& config) override;
  void end() override;
  [[nodiscard]] Interest wants(HookPoint point) const override {
    return firing_.expects(point) ? Interest::edit : Interest::none;
  }
  Tensor visit(const Visit& visit, const Tensor& value) override;
  [[nodiscard]] bool wants_attention(int layer) const override {
    return tap_ && tap_->wants_attention(layer);
  }
  void visit_attention(const Visit& visit, const AttentionInputs& in) override {
    tap_->visit_attention(visit, in);
  }
  [[nodiscard]] bool changes_scores_fused(int layer) const override {
    return tap_ && tap_->changes_scores_fused(layer);
  }
  void change_scores(const Visit& visit, AttentionInputs& in) override;

 private:
  void meet(const Visit& visit);
  std::vector<EditStep> steps_;
  NamedValues values_;
  std::optional<Tokenizer> tokenizer_;
  std::shared_ptr<const InterventionPlan> plan_;  // of the model of the pass under way
  std::optional<InterventionTap> tap_;
  Firing firing_;
  bool first_ = true;  // no value was shown yet
  bool whole_ = true;  // the pass shows all of the prompts that selections count
};

}  // namespace headscope
