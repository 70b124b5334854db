#include "lib/kernels/linear.h"

#include <ATen/ops/mm.h>

#include "lib/tensor/ops.h"

namespace headscope {

Tensor linear_f32(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (!x.is_cuda() || x.scalar_type() == at::kFloat) {
    return at::linear(x, weight, bias).to(at::kFloat);
  }
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(0);
  const Tensor out = at::mm(x.reshape({-1, x.size(-1)}), weight.t(), at::kFloat).view(shape);
  return bias.defined() ? out + bias : out;
}

}  // namespace headscope
