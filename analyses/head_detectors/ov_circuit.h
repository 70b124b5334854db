// What heads write when they attend to one token alone, and where among the vocabulary's logits
// the token itself then stands.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/model/qkv.h"

namespace headscope {

// Streams [N, d_model] f32 through ln1, each head's W_V and W_O, and the norm behind attention if
// there is one → [n_heads, N, d_model] f32. A head of a KV group uses the group's W_V; b_O is no
// head's and left out.
Tensor ov_written(const Model& model, std::int64_t layer, const Tensor& streams, Biases biases);

// The place of a token among the logits that rows of a stream give.
class OwnLogits {
 public:
  // `seed` draws the part of the vocabulary, `screen` tokens, that is looked at first.
  OwnLogits(const Model& model, Biases biases, std::int64_t screen, std::uint64_t seed);

  enum class Side { highest, lowest };
  // Whether fewer than `k` other tokens of the vocabulary have a logit as high (low) as the row's
  // own or more so: [R] bool; a head that writes nothing has no token among the highest. Exact:
  // rows that `k` tokens of the screen beat are out, the others are held against the whole
  // vocabulary.
  [[nodiscard]] Tensor among(const Tensor& written,
                             const Tensor& tokens,
                             Side side,
                             std::int64_t k) const;

  // Which part of the screen has a lower logit than the row's own, ties by half: [R] f64, an
  // estimate of that of the vocabulary.
  [[nodiscard]] Tensor rank_from_below(const Tensor& written, const Tensor& tokens) const;

 private:
  [[nodiscard]] Tensor normed(const Tensor& written) const;
  [[nodiscard]] Tensor own(const Tensor& rows, const Tensor& tokens) const;

  const Model& model_;
  Biases biases_;
  Tensor ids_;      // [screen] int64
  Tensor W_U_;      // [screen, d_model]
  Tensor b_U_all_;  // [d_vocab], or undefined
  Tensor b_U_;
};

}  // namespace headscope
