// How well a model predicts text, token by token.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "lib/model/model.h"

namespace headscope {

// logits [B, T, V] f32 and tokens [B, T] int64 → log p of each next token, [B, T − 1] f32 nats. By
// Torch operators, so that it has a gradient.
Tensor next_token_log_probs(const Tensor& logits, const Tensor& tokens);

// `per_domain` prompts of each domain of the text probe, of one length.
std::vector<std::vector<std::int32_t>> text_sample(const Model& model,
                                                   std::uint64_t seed,
                                                   std::int64_t per_domain);

// log p of each next token with the z of one head zeroed at every token, all heads of `layer`:
// [n_heads, B, T − 1], and of the whole model [B, T − 1]. Prompts of one length.
class HeadAblation {
 public:
  HeadAblation(const Model& model, const std::vector<std::vector<std::int32_t>>& prompts);
  ~HeadAblation();
  HeadAblation(const HeadAblation&) = delete;
  HeadAblation& operator=(const HeadAblation&) = delete;

  [[nodiscard]] const Tensor& whole() const;
  [[nodiscard]] Tensor without_heads_of(std::int64_t layer) const;

 private:
  struct Kept;
  [[nodiscard]] Tensor by_whole_passes(std::int64_t layer) const;
  std::unique_ptr<Kept> kept_;
};

}  // namespace headscope
