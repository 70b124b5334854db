#include "lib/model/norm.h"

#include "lib/kernels/kernels.h"
#include "lib/tensor/autograd.h"
#include "lib/tensor/ops.h"

namespace headscope {

Tensor normalize(const Tensor& x, const NormWeights& weights, Norm norm, double eps) {
  if (norm == Norm::none) {
    return x;
  }
  if (norm == Norm::rms_norm) {
    if (needs_gradient(x)) {
      const NormParts parts = norm_parts(x, norm, eps);
      return apply_gain(parts.centred / parts.scale, weights, x.scalar_type());
    }
    return kernels::rms_norm(x, weights.gain, eps);
  }
  const auto [y, mean, rstd] =
      at::native_layer_norm(x.to(at::kFloat), {x.size(-1)}, weights.gain, weights.bias, eps);
  return y.to(x.scalar_type());
}

NormParts norm_parts(const Tensor& x, Norm norm, double eps) {
  Tensor centred = x.to(at::kFloat);
  if (norm == Norm::layer_norm) {
    centred = centred - centred.mean(-1, true);
  }
  return {centred, centred.square().mean(-1, true).add(eps).sqrt()};
}

Tensor apply_gain(const Tensor& normalized, const NormWeights& weights, at::ScalarType dtype) {
  Tensor y = with_gain(normalized.to(at::kFloat), weights);
  if (weights.bias.defined()) {
    y = y + weights.bias;
  }
  return y.to(dtype);
}

Tensor with_gain(const Tensor& value, const NormWeights& weights) {
  return weights.gain.defined() ? value * weights.gain : value;
}

}  // namespace headscope
