// Steps down a gradient, over the tensors of a model.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/tensor/tensor.h"

namespace headscope {

// adam: Kingma & Ba 2014 (arXiv:1412.6980), weight decay added to the gradient. adamw: decay
// decoupled from it (Loshchilov & Hutter 2019, arXiv:1711.05101). sgd: v ← momentum·v + gradient,
// θ ← θ − rate·v, weight decay added to the gradient. As torch.optim has them.
enum class OptimizerKind { adam, adamw, sgd };
OptimizerKind parse_optimizer(std::string_view text);  // else UsageError listing the words
std::string_view to_string(OptimizerKind kind);

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::adamw;
  double rate = 1e-3;
  double beta1 = 0.9;     // adam, adamw
  double beta2 = 0.999;   // adam, adamw
  double eps = 1e-8;      // adam, adamw
  double momentum = 0.0;  // sgd
  double weight_decay = 0.0;
};

class Optimizer {
 public:
  Optimizer(const OptimizerOptions& options, const std::vector<Tensor>& like);

  // The parameters one step on, at `rate_factor` times the rate.
  std::vector<Tensor> step(const std::vector<Tensor>& parameters,
                           const std::vector<Tensor>& gradients,
                           double rate_factor);

  // What a run that goes on needs beside the parameters: the moments, and the steps done.
  [[nodiscard]] const std::vector<Tensor>& first() const { return first_; }
  [[nodiscard]] const std::vector<Tensor>& second() const { return second_; }
  [[nodiscard]] std::int64_t steps() const { return steps_; }
  void restore(std::vector<Tensor> first, std::vector<Tensor> second, std::int64_t steps);

 private:
  Tensor adam_step(std::size_t i, const Tensor& parameter, const Tensor& gradient, double rate);

  OptimizerOptions options_;
  std::vector<Tensor> first_;   // adam's mean, sgd's velocity
  std::vector<Tensor> second_;  // adam's mean of squares
  std::int64_t steps_ = 0;
};

}  // namespace headscope
