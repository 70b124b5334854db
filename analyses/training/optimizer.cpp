#include "analyses/training/optimizer.h"

#include <cmath>

#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {

OptimizerKind parse_optimizer(std::string_view text) {
  for (const OptimizerKind kind : {OptimizerKind::adam, OptimizerKind::adamw, OptimizerKind::sgd}) {
    if (text == to_string(kind)) {
      return kind;
    }
  }
  throw UsageError("no optimizer is called '{}'; there are adam, adamw, sgd", text);
}

std::string_view to_string(OptimizerKind kind) {
  static constexpr std::string_view kNames[] = {"adam", "adamw", "sgd"};
  return kNames[static_cast<int>(kind)];
}

Optimizer::Optimizer(const OptimizerOptions& options, const std::vector<Tensor>& like)
    : options_(options) {
  for (const Tensor& tensor : like) {
    first_.push_back(at::zeros_like(tensor));
    second_.push_back(at::zeros_like(tensor));
  }
}

std::vector<Tensor> Optimizer::step(const std::vector<Tensor>& parameters,
                                    const std::vector<Tensor>& gradients,
                                    double rate_factor) {
  ++steps_;
  const double rate = options_.rate * rate_factor;
  const bool decoupled = options_.kind == OptimizerKind::adamw;
  std::vector<Tensor> next;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Tensor& parameter = parameters[i];
    const Tensor gradient = decoupled || options_.weight_decay == 0.0
                                ? gradients[i]
                                : gradients[i] + parameter * options_.weight_decay;
    if (options_.kind == OptimizerKind::sgd) {
      first_[i] = first_[i] * options_.momentum + gradient;
      next.push_back(parameter - first_[i] * rate);
    } else {
      const double kept = decoupled ? 1.0 - rate * options_.weight_decay : 1.0;
      next.push_back(adam_step(i, parameter * kept, gradient, rate));
    }
  }
  return next;
}

Tensor Optimizer::adam_step(std::size_t i,
                            const Tensor& parameter,
                            const Tensor& gradient,
                            double rate) {
  const OptimizerOptions& o = options_;
  first_[i] = first_[i] * o.beta1 + gradient * (1.0 - o.beta1);
  second_[i] = second_[i] * o.beta2 + gradient.square() * (1.0 - o.beta2);
  const auto steps = static_cast<double>(steps_);
  const Tensor mean = first_[i] / (1.0 - std::pow(o.beta1, steps));
  const Tensor root = (second_[i] / (1.0 - std::pow(o.beta2, steps))).sqrt();
  return parameter - mean / (root + o.eps) * rate;
}

void Optimizer::restore(std::vector<Tensor> first, std::vector<Tensor> second, std::int64_t steps) {
  first_ = std::move(first);
  second_ = std::move(second);
  steps_ = steps;
}

}  // namespace headscope
