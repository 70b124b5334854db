// How strong an intervention is at each step of decoding: the number that it uses as its factor
// (op scale and add) or bias.
#pragma once

#include <cstdint>

#include "lib/model/tap.h"

namespace headscope {

// Step k processes the token that the model wrote k-th, counted from 0. Tokens of the prompt get
// what step 0 gets.
struct StrengthSchedule {
  enum class Kind {
    linear,  // from + (to − from) · k / steps, and `to` from step `steps` on
    decay,   // from · rate^k
  };
  Kind kind = Kind::linear;
  double from = 1.0;
  double to = 0.0;         // of linear
  std::int64_t steps = 1;  // of linear, ≥ 1
  double rate = 1.0;       // of decay, in [0, 1]

  bool operator==(const StrengthSchedule&) const = default;
  [[nodiscard]] double at(std::int64_t step) const;
};

// The strength of every token of a value: f32 on its device, ones along all axes but those of
// prompts and tokens. UsageError where the pass does not tell which tokens were written.
Tensor strengths(const StrengthSchedule& schedule, const Visit& visit, const Tensor& value);

}  // namespace headscope
