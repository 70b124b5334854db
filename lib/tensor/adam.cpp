#include "lib/tensor/adam.h"

#include <cmath>

#include "lib/tensor/ops.h"

namespace headscope {

Adam::Adam(const Tensor& like, const Options& options)
    : mean_(at::zeros_like(like)), square_(at::zeros_like(like)), options_(options) {}

Tensor Adam::step(const Tensor& parameters, const Tensor& gradient) {
  constexpr double kMeanDecay = 0.9;
  constexpr double kSquareDecay = 0.999;
  constexpr double kSmall = 1e-8;
  ++steps_;
  mean_ = mean_ * kMeanDecay + gradient * (1.0 - kMeanDecay);
  square_ = square_ * kSquareDecay + gradient * gradient * (1.0 - kSquareDecay);
  const Tensor mean = mean_ / (1.0 - std::pow(kMeanDecay, steps_));
  const Tensor square = square_ / (1.0 - std::pow(kSquareDecay, steps_));
  return parameters * (1.0 - options_.rate * options_.weight_decay) -
         mean / (square.sqrt() + kSmall) * options_.rate;
}

}  // namespace headscope
