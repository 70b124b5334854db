#include "lib/model/rotary.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <ATen/ops/pow.h>

#include "lib/base/error.h"
#include "lib/kernels/kernels.h"
#include "lib/tensor/autograd.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Llama 3.1: wavelengths above the original context are divided by `factor`, those far below are
// kept, and those between are mixed (transformers, rope_scaling type "llama3").
Tensor llama3(const Tensor& frequencies, const RopeScaling& s) {
  const auto context = static_cast<double>(s.original_context);
  const Tensor wavelength = (2.0 * std::numbers::pi) / frequencies;
  const Tensor smooth =
      (context / wavelength - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
  const Tensor scaled = frequencies / s.factor;
  const Tensor mixed = (1.0 - smooth) * scaled + smooth * frequencies;
  const Tensor is_long = wavelength > context / s.low_freq_factor;
  const Tensor is_short = wavelength < context / s.high_freq_factor;
  return at::where(is_long, scaled, at::where(is_short, frequencies, mixed));
}

}  // namespace

Tensor rotary_frequencies(const Rope& rope) {
  const Tensor exponents =
      at::arange(0, rope.dim, 2, at::kLong).to(at::kFloat) / static_cast<double>(rope.dim);
  const Tensor frequencies = 1.0 / at::pow(rope.base, exponents);
  switch (rope.scaling.kind) {
    case RopeScaling::Kind::none:
      return frequencies;
    case RopeScaling::Kind::linear:
      return frequencies / rope.scaling.factor;
    case RopeScaling::Kind::llama3:
      return llama3(frequencies, rope.scaling);
    case RopeScaling::Kind::divisors:
      break;
    default:
      throw InternalError("rope scaling {} has no frequencies",
                          static_cast<int>(rope.scaling.kind));
  }
  Tensor divisors = at::empty({rope.dim / 2}, at::kFloat);
  std::copy(rope.scaling.divisors.begin(), rope.scaling.divisors.end(), divisors.data_ptr<float>());
  return frequencies / divisors;
}

RotaryTable rotary_table(const Tensor& position_ids, const Tensor& frequencies) {
  const Tensor angles = position_ids.to(at::kFloat).unsqueeze(-1) * frequencies;
  return {angles.cos(), angles.sin()};
}

namespace {

// kernels::rotate in Torch's operators.
Tensor rotate_by_parts(const Tensor& x, const RotaryTable& table) {
  const std::int64_t half = table.cos.size(-1);
  const Tensor cos = table.cos.unsqueeze(2);
  const Tensor sin = table.sin.unsqueeze(2);
  const Tensor wide = x.to(at::kFloat);
  const Tensor a = wide.narrow(-1, 0, half);
  const Tensor b = wide.narrow(-1, half, half);
  const Tensor rest = wide.narrow(-1, 2 * half, x.size(-1) - 2 * half);
  return at::cat({a * cos - b * sin, b * cos + a * sin, rest}, -1).to(x.scalar_type());
}

}  // namespace

Tensor rotate(const Tensor& x, const RotaryTable& table) {
  if (needs_gradient(x)) {
    return rotate_by_parts(x, table);
  }
  return kernels::rotate(x, table.cos, table.sin);
}

}  // namespace headscope
