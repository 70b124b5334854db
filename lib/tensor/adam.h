// The optimiser that everything we train by a few tensors uses.
#pragma once

#include "lib/tensor/tensor.h"

namespace headscope {

// Adam (Kingma & Ba 2014, arXiv:1412.6980) with decoupled weight decay (Loshchilov & Hutter 2019,
// arXiv:1711.05101), β 0.9 and 0.999, ε 1e-8. One a tensor.
class Adam {
 public:
  struct Options {
    double rate = 1e-3;
    double weight_decay = 0.0;
  };
  Adam(const Tensor& like, const Options& options);

  // The parameters one step down `gradient`.
  Tensor step(const Tensor& parameters, const Tensor& gradient);

 private:
  Tensor mean_;
  Tensor square_;
  Options options_;
  int steps_ = 0;
};

}  // namespace headscope
