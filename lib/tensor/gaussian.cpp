#include "lib/tensor/gaussian.h"

#include <cmath>

#include "lib/base/box_muller.h"
#include "lib/base/random.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {

Tensor gaussian(const std::vector<std::int64_t>& shape, std::uint64_t seed, std::uint64_t stream) {
  Random random(seed, std::to_string(stream));
  Tensor out = at::empty(shape, at::kFloat);
  auto* value = out.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < out.numel(); ++i) {
    const GaussianPair drawn = gaussian_pair(random);
    value[i] = static_cast<float>(drawn.radius * std::cos(drawn.angle));
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
