// Which token is written next.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/tensor/tensor.h"

namespace headscope {

struct SamplerOptions {
  double temperature = 0.0;  // logits are divided by it; 0: always the likeliest token
  std::int64_t top_k = 0;    // only the k likeliest; 0: all
  // Only the fewest likeliest tokens whose probabilities, after temperature and top_k, sum to at
  // least this (nucleus sampling: Holtzman et al. 2020, arXiv:1904.09751). In (0, 1].
  double top_p = 1.0;
  std::uint64_t seed = 0;
};

// What a draw depends on beside logits and seed: not on the batch it is made in.
struct Draw {
  std::uint64_t sequence = 0;  // which text
  std::uint64_t step = 0;      // which of its tokens
};

class Sampler {
 public:
  // Throws UsageError for a negative or infinite temperature, top_k < 0, or top_p outside (0, 1].
  explicit Sampler(const SamplerOptions& options);

  // A token of each row of `logits` [rows, d_vocab], f32; `draws` has as many. Of equal logits the
  // lowest id comes first. Throws UsageError for a row without a finite logit.
  [[nodiscard]] std::vector<std::int32_t> pick(const Tensor& logits,
                                               const std::vector<Draw>& draws) const;

 private:
  SamplerOptions options_;
};

}  // namespace headscope
