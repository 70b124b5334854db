// Where Torch's autograd meets the forward pass.
#pragma once

#include <functional>
#include <vector>

#include "lib/tensor/tensor.h"

namespace headscope {

// True if a product of `x` is to be differentiated. headscope's own kernels have no derivative;
// what calls them takes plain Torch operators then.
bool needs_gradient(const Tensor& x);

// Runs `body` with autograd on.
Tensor with_gradients(const std::function<Tensor()>& body);

// A leaf of the autograd graph: `value` as a tensor of its own that wants a gradient.
Tensor gradient_root(const Tensor& value);

// The vector-Jacobian products Σ gradient · ∂output/∂input, one an input; zeros for an input that
// `output` does not depend on. Frees what the computation of `output` kept.
std::vector<Tensor> vector_jacobian_product(const Tensor& output,
                                            const std::vector<Tensor>& inputs,
                                            const Tensor& gradient);

}  // namespace headscope
