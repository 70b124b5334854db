#include "lib/kernels/rms_norm.h"

#include "lib/tensor/ops.h"

namespace headscope {

Tensor rms_norm(const Tensor& x, const Tensor& gain, double eps) {
  const Tensor wide = x.to(at::kFloat);
  const Tensor scale = wide.square().mean(-1, true).add_(eps).rsqrt_();
  return (wide * scale * gain).to(x.scalar_type());
}

}  // namespace headscope
