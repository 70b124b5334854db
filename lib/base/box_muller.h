// Gaussian numbers that are the same on every machine.
#pragma once

#include <cmath>
#include <numbers>

#include "lib/base/random.h"

namespace headscope {

// radius · cos(angle) and radius · sin(angle) are independent, of mean 0 and deviation 1.
struct GaussianPair {
  double radius;
  double angle;
};

// Box and Muller 1958, of two numbers in (0, 1], the radius from the first.
inline GaussianPair gaussian_pair(Random& random) {
  const auto uniform = [&] { return (static_cast<double>(random.next() >> 11) + 1.0) * 0x1.0p-53; };
  const double radius = std::sqrt(-2.0 * std::log(uniform()));
  return {radius, 2.0 * std::numbers::pi * uniform()};
}

}  // namespace headscope
