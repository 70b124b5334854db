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
  Tensor q_norm, k_norm;  // f32, [d_head] or [heads d_head] as QkNorm says
  Tensor q_norm_bias, k_norm_bias;
  Tensor sinks;          // [n_heads]; AttentionSpec says what they do
  Tensor distance_bias;  // [n_heads, D]
  Tensor W_O;            // [d_model, n_heads d_head]
  Tensor b_O;
  Tensor W_in;  // [d_mlp, d_model]; gated: [2 d_mlp, d_model], the gate first
  Tensor b_in;
  Tensor W_out;  // [d_model, d_mlp]
  Tensor b_out;
  // Of a mixture of E experts of width d_expert.
  Tensor W_router;       // [E, d_model]
  Tensor b_router;       // [E]
  Tensor W_in_experts;   // [E, 2 d_expert, d_model], the gate first
  Tensor b_in_experts;   // [E, 2 d_expert]
  Tensor W_out_experts;  // [E, d_model, d_expert]
  Tensor b_out_experts;  // [E, d_model]
};

struct Weights {
  Tensor W_E;          // [d_vocab, d_model or d_embed]
  Tensor W_pos;        // [n_ctx, d_model]
  Tensor W_type;       // [n_token_types, d_model]
  Tensor W_embed_in;   // [d_model, d_embed]
  Tensor W_embed_out;  // [d_embed, d_model]
  NormWeights ln_embed;
  std::vector<BlockWeights> blocks;
  NormWeights ln_final;
  Tensor W_head;  // [d_model, d_model], of OutputHead::masked_lm
  Tensor b_head;
  NormWeights ln_head;
  Tensor W_U;  // [d_vocab, d_model]; W_E itself when tied
  Tensor b_U;
};

}  // namespace headscope
