// The MLP's nonlinearities.
#pragma once

#include "lib/model/config.h"
#include "lib/tensor/tensor.h"

namespace headscope {

// gelu: exact (erf); gelu_tanh: the tanh approximation of Hendrycks & Gimpel 2016,
// arXiv:1606.08415.
Tensor activate(const Tensor& x, Activation activation);

// activate(gate) · up, where gate_up […, 2 d] holds the gate first → […, d].
Tensor gated_activation(const Tensor& gate_up, Activation activation);

}  // namespace headscope
