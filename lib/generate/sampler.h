// Which token is written next.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lib/base/error.h"
#include "lib/tensor/tensor.h"

namespace headscope {

// In this order, as transformers has it: the penalty, the temperature, then what is kept.
struct SamplerOptions {
  double temperature = 0.0;  // logits are divided by it; 0: always the likeliest token
  std::int64_t top_k = 0;    // only the k likeliest; 0: all
  // Only the fewest likeliest tokens whose probabilities, after temperature and top_k, sum to at
  // least this (nucleus sampling: Holtzman et al. 2020, arXiv:1904.09751). In (0, 1].
  double top_p = 1.0;
  // Only tokens at least this part as likely as the likeliest, after temperature (Nguyen et al.
  // 2024, arXiv:2407.01082). In [0, 1].
  double min_p = 0.0;
  // Logits of tokens that the text has already, prompt included: divided by it where positive,
  // multiplied where negative (Keskar et al. 2019, arXiv:1909.05858). Above 0; 1: none.
  double repetition_penalty = 1.0;
  std::uint64_t seed = 0;
};

// What a draw depends on beside logits, options and the text so far: not on the batch it is made
// in.
struct Draw {
  std::uint64_t sequence = 0;  // which of the texts that share a seed
  std::uint64_t step = 0;      // which of its tokens
};

// Thrown for logits of which none is finite, or one is NaN: there is no likeliest token.
struct LogitsNotFinite : DataError {
  LogitsNotFinite() : DataError("logits to choose a token from are not numbers") {}
};

class Sampler {
 public:
  // Throws UsageError for a negative or infinite temperature, top_k < 0, top_p outside (0, 1],
  // min_p outside [0, 1] or a penalty that is not above 0.
  explicit Sampler(const SamplerOptions& options);

  // A token of `logits` [d_vocab], f32 on the CPU. Of equal logits the lowest id comes first.
  // Logits that differ by rounding give the same token unless two are as near to being drawn.
  // `text` are the tokens so far, for the penalty. Throws LogitsNotFinite.
  [[nodiscard]] std::int32_t pick(std::span<const float> logits,
                                  std::span<const std::int32_t> text,
                                  const Draw& draw) const;

  // True if the likeliest token is taken, of the logits as they are: nothing else of them is read.
  [[nodiscard]] bool greedy() const {
    return options_.temperature == 0.0 && options_.repetition_penalty == 1.0;
  }

 private:
  SamplerOptions options_;
};

// The `count` likeliest tokens of `logits`, likeliest first, ties by id.
std::vector<std::int32_t> likeliest_ids(std::span<const float> logits, std::int64_t count);

// The likeliest token of each row of `logits` [rows, d_vocab], ties by id. Throws
// LogitsNotFinite.
std::vector<std::int32_t> likeliest(const Tensor& logits);

// The likeliest token of each row of `logits` [B, d_vocab], ties by token id: its id, its logit and
// the log-sum-exp of the row, [3, B] f64 on the device of the logits, without waiting for it.
Tensor likeliest_on_device(const Tensor& logits);

// The same on the host; waits once. Throws as likeliest().
struct Likeliest {
  std::int32_t token = 0;
  float logit = 0.0F;
  float lse = 0.0F;
};
std::vector<Likeliest> on_host(const Tensor& likeliest);

}  // namespace headscope
