#include "lib/kernels/linear.h"

#include <ATen/ops/mm.h>

#include "lib/kernels/kernels.h"
#include "lib/tensor/autograd.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Splitting the weights costs as much as reading them three times; fewer rows do not earn it back.
constexpr std::int64_t kRowsWorthSplitting = 512;

// Tensor cores write rows of eight; GPT-2's 50,257 logits run faster as they are.
bool worth_splitting(const Tensor& x, const Tensor& weight) {
  return x.is_cuda() && !needs_gradient(x) && x.scalar_type() == at::kFloat &&
         weight.size(0) % 8 == 0 && x.numel() >= kRowsWorthSplitting * x.size(-1);
}

// a [M, K] · b [N, K]ᵀ in f32, shaped […, N] as x.
Tensor product(const Tensor& x, const Tensor& a, const Tensor& b, const Tensor& bias) {
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape.back() = b.size(0);
  const Tensor out = bias.defined() ? at::addmm(bias.to(at::kFloat), a, b.t(), at::kFloat)
                                    : at::mm(a, b.t(), at::kFloat);
  return out.view(shape);
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (!worth_splitting(x, weight)) {
    return at::linear(x, weight, bias);
  }
  const Tensor rows = x.reshape({-1, x.size(-1)});
  return product(x,
                 kernels::split_terms(rows, kernels::SplitSide::left),
                 kernels::split_terms(weight, kernels::SplitSide::right),
                 bias);
}

Tensor linear_f32(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (!x.is_cuda() || x.scalar_type() == at::kFloat) {
    return linear(x, weight, bias).to(at::kFloat);
  }
  if (needs_gradient(x)) {  // Torch cannot differentiate a 16-bit product that gives f32
    const Tensor wide_bias = bias.defined() ? bias.to(at::kFloat) : bias;
    return at::linear(x.to(at::kFloat), weight.to(at::kFloat), wide_bias);
  }
  return product(x, x.reshape({-1, x.size(-1)}), weight, bias);
}

}  // namespace headscope
