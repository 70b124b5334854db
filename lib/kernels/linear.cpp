#include "lib/kernels/linear.h"

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/mm.h>

#include "lib/kernels/kernels.h"
#include "lib/kernels/packed_linear.h"
#include "lib/tensor/autograd.h"
#include "lib/tensor/ops.h"
#include "lib/tensor/packed.h"

namespace headscope {
namespace {

// Splitting the weights costs as much as reading them three times; fewer rows do not earn it back.
constexpr std::int64_t kRowsWorthSplitting = 512;

// Tensor cores write rows of eight. Where a weight has another number (GPT-2's 50,257 tokens), rows
// of zeros are put behind it and what they give is left out.
constexpr std::int64_t kRowsOfTensorCores = 8;

bool many_rows(const Tensor& x) {
  return x.numel() >= kRowsWorthSplitting * x.size(-1);
}

bool worth_splitting(const Tensor& x) {
  return x.is_cuda() && !needs_gradient(x) && x.scalar_type() == at::kFloat && many_rows(x);
}

std::int64_t whole_rows(std::int64_t rows) {
  return (rows + kRowsOfTensorCores - 1) / kRowsOfTensorCores * kRowsOfTensorCores;
}

// `x`, with zeros behind its first axis up to `rows`.
Tensor padded_to(const Tensor& x, std::int64_t rows) {
  if (x.size(0) == rows) {
    return x;
  }
  std::vector<std::int64_t> behind(static_cast<std::size_t>(2 * x.dim()), 0);
  behind.back() = rows - x.size(0);
  return at::constant_pad_nd(x, behind);
}

// The first `n` columns of a [M, K] · b [at least n, K]ᵀ in f32, shaped […, n] as x.
Tensor product(
    const Tensor& x, const Tensor& a, const Tensor& b, const Tensor& bias, std::int64_t n) {
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape.back() = b.size(0);
  const Tensor out =
      bias.defined() ? at::addmm(padded_to(bias.to(at::kFloat), b.size(0)), a, b.t(), at::kFloat)
                     : at::mm(a, b.t(), at::kFloat);
  return out.view(shape).narrow(-1, 0, n);
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (packed_parts(weight) != nullptr) {
    return packed_linear(x, weight, bias).to(x.scalar_type());
  }
  if (!worth_splitting(x)) {
    return at::linear(x, weight, bias);
  }
  const Tensor rows = x.reshape({-1, x.size(-1)});
  return product(x,
                 kernels::split_terms(rows, kernels::SplitSide::left),
                 kernels::split_terms(padded_to(weight, whole_rows(weight.size(0))),
                                      kernels::SplitSide::right),
                 bias,
                 weight.size(0));
}

Tensor linear_f32(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (!x.is_cuda() || x.scalar_type() == at::kFloat) {
    return linear(x, weight, bias).to(at::kFloat);
  }
  if (needs_gradient(x)) {  // Torch cannot differentiate a 16-bit product that gives f32
    const Tensor wide_bias = bias.defined() ? bias.to(at::kFloat) : bias;
    return at::linear(x.to(at::kFloat), weight.to(at::kFloat), wide_bias);
  }
  const Tensor whole = many_rows(x) ? padded_to(weight, whole_rows(weight.size(0))) : weight;
  return product(x, x.reshape({-1, x.size(-1)}), whole, bias, weight.size(0));
}

}  // namespace headscope
