// A detector's samples as tensors.
#pragma once

#include <algorithm>

#include "analyses/head_detectors/detector.h"
#include "lib/tensor/ops.h"

namespace headscope::test {

// [samples, n_layers, n_heads] f64
inline Tensor table_of(const HeadSamples& samples, const ModelConfig& c) {
  const auto size = static_cast<std::int64_t>(samples.values.size());
  const Tensor flat = at::empty({size}, at::kDouble);
  std::copy(samples.values.begin(), samples.values.end(), flat.mutable_data_ptr<double>());
  return flat.view({samples.samples, c.n_layers, c.n_heads});
}

inline double mean_score(const HeadSamples& samples,
                         const ModelConfig& c,
                         std::int64_t layer,
                         std::int64_t head) {
  return table_of(samples, c).mean(0)[layer][head].item<double>();
}

}  // namespace headscope::test
