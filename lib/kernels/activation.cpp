#include "lib/kernels/activation.h"

#include "lib/base/error.h"
#include "lib/kernels/kernels.h"
#include "lib/tensor/autograd.h"
#include "lib/tensor/ops.h"

namespace headscope {

Tensor activate(const Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::gelu:
      return at::gelu(x);
    case Activation::gelu_tanh:
      return at::gelu(x, "tanh");
    case Activation::silu:
      return at::silu(x);
    case Activation::relu:
      return at::relu(x);
  }
  throw InternalError("unknown activation {}", static_cast<int>(activation));
}

Tensor gated_activation(const Tensor& gate_up, Activation activation) {
  if (needs_gradient(gate_up)) {
    const std::int64_t d = gate_up.size(-1) / 2;
    return activate(gate_up.narrow(-1, 0, d), activation) * gate_up.narrow(-1, d, d);
  }
  return kernels::gated_activation(gate_up, static_cast<std::int64_t>(activation));
}

}  // namespace headscope
