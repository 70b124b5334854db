// Where Torch's autograd meets the forward pass.
#pragma once

#include <functional>
#include <vector>

#include "lib/tensor/tensor.h"

namespace headscope {

// True if a product of `x` is to be differentiated. headscope's own kernels have no derivative;
// what calls them takes plain Torch operators then.
bool needs_gradient(const Tensor& x);

// Runs `body` with gradients followed.
Tensor with_gradients(const std::function<Tensor()>& body);

// A tensor of its own, from which gradients are followed.
Tensor gradient_root(const Tensor& value);

// Σ gradient · ∂output/∂input, one an input; zeros for an input that `output` does not depend on.
// Frees what the computation of `output` kept.
std::vector<Tensor> pull_back(const Tensor& output,
                              const std::vector<Tensor>& inputs,
                              const Tensor& gradient);

}  // namespace headscope
