#include "lib/tensor/autograd.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include "lib/tensor/ops.h"

namespace headscope {

bool needs_gradient(const Tensor& x) {
  return at::GradMode::is_enabled() && x.requires_grad();
}

Tensor with_gradients(const std::function<Tensor()>& body) {
  const at::AutoGradMode on(true);
  return body();
}

Tensor gradient_root(const Tensor& value) {
  return value.detach().requires_grad_(true);
}

std::vector<Tensor> vector_jacobian_product(const Tensor& output,
                                            const std::vector<Tensor>& inputs,
                                            const Tensor& gradient) {
  if (!output.requires_grad()) {  // replaced whole: nothing before it matters
    std::vector<Tensor> none;
    for (const Tensor& input : inputs) {
      none.push_back(at::zeros_like(input));
    }
    return none;
  }
  std::vector<Tensor> gradients =
      torch::autograd::grad({output}, inputs, {gradient}, false, false, /*allow_unused=*/true);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!gradients[i].defined()) {
      gradients[i] = at::zeros_like(inputs[i]);
    }
  }
  return gradients;
}

}  // namespace headscope
