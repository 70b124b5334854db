// The matrices of heads as they act on the residual stream itself, norms folded into them, so that
// products of them have a meaning of their own (Elhage et al. 2021, "A Mathematical Framework for
// Transformer Circuits"; TransformerLens's fold_ln).
#pragma once

#include <cstdint>

#include "lib/model/model.h"

namespace headscope {

// f32, on the model's device. What reads the stream is multiplied by ln1's gain and, where the norm
// subtracts a mean, centred: only the divisor of the norm is left out, a positive number a token.
// Keys and values of a KV group stand once for each of its heads. Biases are no part of them. W_O
// of a model with a norm behind attention is multiplied by that norm's gain; its divisor is left
// out likewise.
struct HeadWeights {
  Tensor Q;  // [n_heads, d_model, d_head]
  Tensor K;  // [n_heads, d_model, d_head]
  Tensor V;  // [n_heads, d_model, d_head]
  Tensor O;  // [n_heads, d_head, d_model]
};
HeadWeights head_weights(const Model& model, std::int64_t layer);

// W_U with the final norm's gain, centred where that norm centres. [d_vocab, d_model] f32.
Tensor folded_unembedding(const Model& model);

// W_E as the stream has it (Gemma's factor included). [d_vocab, d_model] f32.
Tensor embedding(const Model& model);

}  // namespace headscope
