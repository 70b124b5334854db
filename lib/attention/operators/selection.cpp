#include "lib/attention/operators/selection.h"

#include <algorithm>
#include <limits>

#include <ATen/ops/topk.h>

#include "lib/tensor/ops.h"

namespace headscope {

Tensor KeySelection::scores(const OperatorInputs& in, const Tensor& scores) const {
  return scores.masked_fill(left_out(in, scores.detach()), -std::numeric_limits<float>::infinity());
}

Tensor highest(const Tensor& scores, std::int64_t k) {
  const std::int64_t count = std::min(k, scores.size(-1));
  const Tensor chosen = std::get<1>(at::topk(scores, count, -1));
  return at::zeros(scores.sizes(), scores.options().dtype(at::kBool)).scatter_(-1, chosen, true);
}

}  // namespace headscope
