#include "lib/kernels/activation.h"

#include "lib/base/error.h"
#include "lib/kernels/kernels.h"
#include "lib/tensor/ops.h"

namespace headscope::kernels {

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

}  // namespace headscope::kernels
