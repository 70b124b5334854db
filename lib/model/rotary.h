// Rotary position embedding (Su et al. 2021, arXiv:2104.09864).
#pragma once

#include <cstdint>
#include <vector>

#include "lib/model/config.h"
#include "lib/tensor/tensor.h"

namespace headscope {

// By how much each position of a rotary setting turns. Everything is computed in the arithmetic
// (f32) of the reference implementations, so that long prompts agree with them to the last bit.
class RotaryAngles {
 public:
  RotaryAngles(const Rope& rope, const at::Device& device);

  // Angles a position, [dim/2] f32, in a sequence of so many tokens.
  [[nodiscard]] Tensor frequencies(std::int64_t tokens) const;

  // Sequences with the same number here turn alike; it is 0 for all, but where the setting
  // stretches with the sequence (dynamic, longrope).
  [[nodiscard]] std::int64_t regime(std::int64_t tokens) const;
  [[nodiscard]] bool depends_on_length() const;

  [[nodiscard]] const Rope& rope() const { return rope_; }

 private:
  Rope rope_;
  at::Device device_;
  Tensor frequencies_;       // of sequences up to original_context, or of all
  Tensor long_frequencies_;  // of longer ones; longrope's
};

// Cosines and sines [B or 1, T, dim/2] f32, times the setting's attention_factor.
struct RotaryTable {
  Tensor cos, sin;
  RopePairs pairs = RopePairs::halves;
};

// Of position ids [B or 1, T] in sequences of `lengths` tokens, [B].
RotaryTable rotary_table(const RotaryAngles& angles,
                         const Tensor& position_ids,
                         const std::vector<std::int64_t>& lengths);

// x [B, T, heads, d_head] → the same with the first `dim` dimensions turned, in the dtype of x.
Tensor rotate(const Tensor& x, const RotaryTable& table);

}  // namespace headscope
