#include "analyses/head_detectors/copies.h"

#include <algorithm>

#include "lib/tensor/ops.h"

namespace headscope {

std::vector<std::int64_t> copies_of(const std::vector<std::int64_t>& aheads) {
  std::vector<std::int64_t> offsets;
  for (const std::int64_t ahead : aheads) {
    for (std::int64_t copy = 1; copy < kRepeats; ++copy) {
      offsets.push_back(copy * kPeriod - ahead);
    }
  }
  return offsets;
}

Tensor mass_on_copies(const ProbeView& view, std::int64_t ahead) {
  const std::int64_t first = 1 + kPeriod;  // the first token that has an earlier copy
  Tensor sum;
  for (std::int64_t copy = 1; copy < kRepeats; ++copy) {
    // Tokens with fewer copies behind them would find the first token in that place.
    const std::int64_t from = 1 + copy * kPeriod + std::max<std::int64_t>(0, -ahead);
    const Tensor mass = view.offset(copy * kPeriod - ahead);
    const Tensor part = mass.narrow(2, from, view.length() - from).sum(2);
    sum = sum.defined() ? sum + part : part;
  }
  return sum / static_cast<double>(view.length() - first);
}

}  // namespace headscope
