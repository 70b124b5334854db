// What an operator in the place of one head does to a text: how much of the head's attention it
// keeps, how far its output moves, and what that costs the model's predictions.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "lib/attention/operators/operator_choice.h"
#include "lib/model/model.h"

namespace headscope {

// In the order of kOperatorMeasures.
enum class OperatorMeasure { nll, kl, retained, density, z_change, out_change, control_nll };

struct OperatorMeasureInfo {
  OperatorMeasure measure;
  std::string_view name;
  std::string_view meaning;
  double unchanged;  // its value where the operator changes nothing; NLL: that of the model
};

inline constexpr std::array<OperatorMeasureInfo, 7> kOperatorMeasures{{
    {OperatorMeasure::nll, "nll", "mean −ln p of each next token, nats", 0.0},
    {OperatorMeasure::kl, "kl", "mean over tokens of KL(model ‖ changed model), nats", 0.0},
    {OperatorMeasure::retained, "retained", "mean share of a query's attention on kept keys", 1.0},
    {OperatorMeasure::density, "density", "kept pairs of query and key, of those seen", 1.0},
    {OperatorMeasure::z_change, "z_change", "‖z′ − z‖ / ‖z‖ of the head, over all tokens", 0.0},
    {OperatorMeasure::out_change,
     "out_change",
     "‖change of the layer's attn_out‖ / ‖attn_out‖, over all tokens",
     0.0},
    {OperatorMeasure::control_nll,
     "control_nll",
     "nll with as many keys drawn at random for each query",
     0.0},
}};
const OperatorMeasureInfo& info(OperatorMeasure measure);

// Of each head of a layer, [n_heads] a measure, in the order of kOperatorMeasures.
using LayerEffects = std::array<std::vector<double>, kOperatorMeasures.size()>;

struct OperatorEffectsOptions {
  // shared: one attention a layer, all its heads as rows that go on from there, on the columns that
  // the operator can change. plain: a whole pass of a changed model for every head; no control.
  enum class Execution { shared, plain } execution = Execution::shared;
  enum class Control { random, none } control = Control::random;
  std::uint64_t seed = 0;  // of the control's draws
};

// Of one prompt, run once as the model is.
class OperatorEffects {
 public:
  // Throws UsageError for a prompt of fewer than 2 tokens, a model that has a plan of attention or
  // a standing change already, or one whose queries see later keys.
  OperatorEffects(const Model& model, const std::vector<std::int32_t>& prompt);
  ~OperatorEffects();
  OperatorEffects(const OperatorEffects&) = delete;
  OperatorEffects& operator=(const OperatorEffects&) = delete;

  [[nodiscard]] double unchanged_nll() const;

  // The operator in the place of each head of `layer`, one at a time. Without a control its measure
  // is NaN.
  [[nodiscard]] LayerEffects of_layer(std::int64_t layer,
                                      const OperatorChoice& choice,
                                      const OperatorEffectsOptions& options = {}) const;

 private:
  struct Kept;
  std::unique_ptr<Kept> kept_;
};

}  // namespace headscope
