// Operators that make another pattern of the same scores.
#pragma once

#include <memory>

#include "lib/attention/head_operator.h"

namespace headscope {

// Models are trained with these; where one is put into a model of softmax it is a stress test.
inline constexpr const char* kUntrainedNormalizer =
    "models are trained with this normalizer and this one was not: a stress test, not the method";

class PatternOperator : public HeadOperator {
 public:
  using Pattern = Tensor (*)(const Tensor& scores, double number);

  PatternOperator(Pattern makes, double number) : pattern_(makes), number_(number) {}

  [[nodiscard]] Tensor scores(const OperatorInputs&, const Tensor& scores) const override {
    return scores;
  }
  [[nodiscard]] bool normalizes() const override { return true; }
  [[nodiscard]] Tensor pattern(const Tensor& scores) const override {
    return pattern_(scores, number_);
  }

 private:
  Pattern pattern_;
  double number_;
};

// How many keys each query sees [B, h, T, 1], 1 at the least.
Tensor keys_seen(const Tensor& scores);

}  // namespace headscope
