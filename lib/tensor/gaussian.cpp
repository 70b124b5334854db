#include "lib/tensor/gaussian.h"

#include <cmath>
#include <numbers>

#include "lib/base/random.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// In (0, 1].
double uniform(Random& random) {
  return (static_cast<double>(random.next() >> 11) + 1.0) * 0x1.0p-53;
}

}  // namespace

// Box and Muller 1958.
Tensor gaussian(const std::vector<std::int64_t>& shape, std::uint64_t seed, std::uint64_t stream) {
  Random random(seed, std::to_string(stream));
  Tensor out = at::empty(shape, at::kFloat);
  auto* value = out.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < out.numel(); ++i) {
    const double radius = std::sqrt(-2.0 * std::log(uniform(random)));
    value[i] = static_cast<float>(radius * std::cos(2.0 * std::numbers::pi * uniform(random)));
  }
  return out;
}

Tensor permutation(std::int64_t n, std::uint64_t seed) {
  std::vector<std::int64_t> order;
  for (std::int64_t i = 0; i < n; ++i) {
    order.push_back(i);
  }
  Random random(seed, "permutation");
  random.shuffle(order);
  return index_tensor(order, at::kCPU);
}

}  // namespace headscope
