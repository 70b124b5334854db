#include "analyses/retrieval/retrieval_taps.h"

#include <algorithm>

#include <ATen/ops/full_like.h>
#include <ATen/ops/topk.h>

#include "lib/tensor/ops.h"

namespace headscope {

Tensor TopKeysTap::visit(const Visit&, const Tensor& value) {
  const std::int64_t count = std::min(top_k_, value.size(3));
  const auto [weight, key] = at::topk(value.select(2, value.size(2) - 1), count, -1);
  // Among more keys than a head sees (a window, padding), those it does not see are none.
  layers_.push_back(at::where(weight > 0, key, at::full_like(key, -1)));
  return value;
}

Tensor TopKeysTap::keys() const {
  return at::stack(layers_, 1).to(at::kCPU);
}

}  // namespace headscope
