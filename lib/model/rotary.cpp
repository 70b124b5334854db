#include "lib/model/rotary.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <ATen/ops/pow.h>

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

// Peng et al. 2023, arXiv:2309.00071, as transformers computes it: dimensions that turn often are
// kept, those that turn less than once are divided by `factor`, in between a ramp.
Tensor yarn(const Tensor& turns, const Rope& rope) {  // turns: base^(i / dim)
  const RopeScaling& s = rope.scaling;
  const auto dim = static_cast<double>(rope.dim);
  const auto dimension_of = [&](double rotations) {
    const double wavelengths =
        static_cast<double>(s.original_context) / (rotations * 2.0 * std::numbers::pi);
    return dim * std::log(wavelengths) / (2.0 * std::log(rope.base));
  };
  double low = dimension_of(s.beta_fast);
  double high = dimension_of(s.beta_slow);
  if (s.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dim - 1.0);
  high = low == high ? high + 0.001 : high;  // no division by 0
  const Tensor ramp = ((at::arange(rope.dim / 2, at::kFloat) - low) / (high - low)).clamp(0.0, 1.0);
  const Tensor kept = 1.0 - ramp;
  return (1.0 / (s.factor * turns)) * (1.0 - kept) + (1.0 / turns) * kept;
}

Tensor as_tensor(const std::vector<float>& values) {
  Tensor tensor = at::empty({static_cast<std::int64_t>(values.size())}, at::kFloat);
  std::copy(values.begin(), values.end(), tensor.data_ptr<float>());
  return tensor;
}

// base^(i / dim), i = 0, 2, …
Tensor powers(double base, std::int64_t dim) {
  const Tensor exponents =
      at::arange(0, dim, 2, at::kLong).to(at::kFloat) / static_cast<double>(dim);
  return at::pow(base, exponents);
}

Tensor frequencies_of(const Rope& rope) {
  const Tensor turns = powers(rope.base, rope.dim);
  switch (rope.scaling.kind) {
    case RopeScaling::Kind::linear:
      return (1.0 / turns) / rope.scaling.factor;
    case RopeScaling::Kind::llama3:
      return llama3(1.0 / turns, rope.scaling);
    case RopeScaling::Kind::divisors:
      return (1.0 / turns) / as_tensor(rope.scaling.divisors);
    case RopeScaling::Kind::yarn:
      return yarn(turns, rope);
    case RopeScaling::Kind::longrope:
      return 1.0 / (as_tensor(rope.scaling.divisors) * turns);
    case RopeScaling::Kind::none:
    case RopeScaling::Kind::dynamic:
      break;
  }
  return 1.0 / turns;
}

// The base grows so that the slowest dimension turns as far over the sequence as it did over the
// original context ("NTK-aware").
double dynamic_base(const Rope& rope, std::int64_t tokens) {
  const RopeScaling& s = rope.scaling;
  const double longer =
      s.factor * static_cast<double>(tokens) / static_cast<double>(s.original_context) -
      (s.factor - 1.0);
  const auto dim = static_cast<double>(rope.dim);
  return rope.base * std::pow(longer, dim / (dim - 2.0));
}

}  // namespace

RotaryAngles::RotaryAngles(const Rope& rope, const at::Device& device)
    : rope_(rope), device_(device), frequencies_(frequencies_of(rope).to(device)) {
  if (rope.scaling.kind == RopeScaling::Kind::longrope) {
    long_frequencies_ =
        (1.0 / (as_tensor(rope.scaling.long_divisors) * powers(rope.base, rope.dim))).to(device);
  }
}

bool RotaryAngles::depends_on_length() const {
  return rope_.scaling.kind == RopeScaling::Kind::dynamic ||
         rope_.scaling.kind == RopeScaling::Kind::longrope;
}

std::int64_t RotaryAngles::regime(std::int64_t tokens) const {
  const std::int64_t beyond = std::max<std::int64_t>(0, tokens - rope_.scaling.original_context);
  if (!depends_on_length()) {
    return 0;
  }
  return rope_.scaling.kind == RopeScaling::Kind::longrope ? std::min<std::int64_t>(beyond, 1)
                                                           : beyond;
}

Tensor RotaryAngles::frequencies(std::int64_t tokens) const {
  if (regime(tokens) == 0) {
    return frequencies_;
  }
  if (rope_.scaling.kind == RopeScaling::Kind::longrope) {
    return long_frequencies_;
  }
  return (1.0 / powers(dynamic_base(rope_, tokens), rope_.dim)).to(device_);
}

namespace {

// [dim/2], or [B, 1, dim/2] where rows differ.
Tensor frequencies_of_rows(const RotaryAngles& angles, const std::vector<std::int64_t>& lengths) {
  const std::int64_t first = lengths.empty() ? 0 : lengths.front();
  const bool alike = std::all_of(lengths.begin(), lengths.end(), [&](std::int64_t length) {
    return angles.regime(length) == angles.regime(first);
  });
  if (alike) {
    return angles.frequencies(first);
  }
  std::vector<Tensor> rows;
  for (const std::int64_t length : lengths) {
    rows.push_back(angles.frequencies(length));
  }
  return at::stack(rows).unsqueeze(1);
}

}  // namespace

RotaryTable rotary_table(const RotaryAngles& angles,
                         const Tensor& position_ids,
                         const std::vector<std::int64_t>& lengths) {
  const Tensor frequencies = frequencies_of_rows(angles, lengths).to(position_ids.device());
  const Tensor turned = position_ids.to(at::kFloat).unsqueeze(-1) * frequencies;
  RotaryTable table{.cos = turned.cos(), .sin = turned.sin(), .pairs = angles.rope().pairs};
  if (const double factor = angles.rope().scaling.attention_factor; factor != 1.0) {
    table.cos = table.cos * factor;
    table.sin = table.sin * factor;
  }
  return table;
}

namespace {

// kernels::rotate in Torch's operators; dimensions that turn together lie half the turned part
// apart, or side by side.
Tensor rotate_by_parts(const Tensor& x, const RotaryTable& table) {
  const std::int64_t half = table.cos.size(-1);
  const Tensor cos = table.cos.unsqueeze(2);
  const Tensor sin = table.sin.unsqueeze(2);
  const Tensor wide = x.to(at::kFloat);
  const Tensor rest = wide.narrow(-1, 2 * half, x.size(-1) - 2 * half);
  if (table.pairs == RopePairs::adjacent) {
    const Tensor pairs = wide.narrow(-1, 0, 2 * half).unflatten(-1, {half, 2});
    const Tensor a = pairs.select(-1, 0);
    const Tensor b = pairs.select(-1, 1);
    const Tensor out = at::stack({a * cos - b * sin, b * cos + a * sin}, -1).flatten(-2);
    return at::cat({out, rest}, -1).to(x.scalar_type());
  }
  const Tensor a = wide.narrow(-1, 0, half);
  const Tensor b = wide.narrow(-1, half, half);
  return at::cat({a * cos - b * sin, b * cos + a * sin, rest}, -1).to(x.scalar_type());
}

}  // namespace

Tensor rotate(const Tensor& x, const RotaryTable& table) {
  if (needs_gradient(x) || table.pairs == RopePairs::adjacent) {
    return rotate_by_parts(x, table);
  }
  return kernels::rotate(x, table.cos, table.sin);
}

}  // namespace headscope
