// The parameters of a transformer, in the layout the forward pass multiplies by: [out, in],
// queries, keys and values fused, gate and up fused. Undefined tensors are parameters the model
// lacks.
#pragma once

#include <vector>

#include "lib/model/config.h"
#include "lib/tensor/tensor.h"

namespace headscope {

struct NormWeights {
  Tensor gain;  // [d] f32
  Tensor bias;  // [d] f32, LayerNorm only
};

struct BlockWeights {
  NormWeights ln1, ln1_post, ln2, ln2_post;
  Tensor W_QKV;  // [(n_heads + 2 n_kv_heads) d_head, d_model]: queries, then keys, then values
  Tensor b_QKV;
  Tensor q_norm, k_norm;  // [d_head] f32
  Tensor sinks;           // [n_heads]; AttentionSpec says what they do
  Tensor distance_bias;   // [n_heads, D]
  Tensor W_O;             // [d_model, n_heads d_head]
  Tensor b_O;
  Tensor W_in;  // [d_mlp, d_model]; gated: [2 d_mlp, d_model], the gate first
  Tensor b_in;
  Tensor W_out;  // [d_model, d_mlp]
  Tensor b_out;
};

struct Weights {
  Tensor W_E;    // [d_vocab, d_model]
  Tensor W_pos;  // [n_ctx, d_model]
  std::vector<BlockWeights> blocks;
  NormWeights ln_final;
  Tensor W_U;  // [d_vocab, d_model]; W_E itself when tied
  Tensor b_U;
};

}  // namespace headscope
