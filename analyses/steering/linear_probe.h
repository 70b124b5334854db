// A linear probe: which of two classes a vector is of.
#pragma once

#include <vector>

#include "lib/tensor/tensor.h"

namespace headscope {

struct LinearProbe {
  Tensor weight;  // [d] f64; w·x + bias > 0: positive
  double bias = 0.0;
};

// Logistic regression of `x` [n, d] f64 on `positive`, by Newton's method: the minimum of
// Σ log(1 + exp(∓(w·x + b))) + ridge/2 ‖w s‖², where s is the root mean square of the centred x, so
// that the penalty does not depend on their unit. The bias has none.
LinearProbe fit_probe(const Tensor& x, const std::vector<bool>& positive, double ridge = 1.0);

// The share of rows that it classes rightly.
double accuracy_of(const LinearProbe& probe, const Tensor& x, const std::vector<bool>& positive);

}  // namespace headscope
