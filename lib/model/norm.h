// Normalisation over the last axis, statistics in f32 whatever the dtype.
#pragma once

#include "lib/model/config.h"
#include "lib/model/weights.h"
#include "lib/tensor/tensor.h"

namespace headscope {

// x: […, d] → (x − mean)/√(var + ε)·gain + bias (Ba et al. 2016, arXiv:1607.06450), or
// x/√(mean x² + ε)·gain (Zhang & Sennrich 2019, arXiv:1910.07467), or x; the dtype of x.
Tensor normalize(const Tensor& x, const NormWeights& weights, Norm norm, double eps);

// The two steps apart, as hook points show them. Not of Norm::none, which has none.
struct NormParts {
  Tensor centred;  // […, d] f32: x, or x − mean
  Tensor scale;    // […, 1] f32: the divisor
};
NormParts norm_parts(const Tensor& x, Norm norm, double eps);

// normalized·gain (+ bias), each where the norm has one, as `dtype`.
Tensor apply_gain(const Tensor& normalized, const NormWeights& weights, at::ScalarType dtype);

// value […, d] times the gain: what a norm is but for the divisor, the mean and the bias. `value`
// itself where a model has no norm, or one without a gain.
Tensor with_gain(const Tensor& value, const NormWeights& weights);

}  // namespace headscope
