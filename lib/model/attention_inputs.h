// From the residual stream to queries, keys and values, with every place on the way where a single
// head's view may be edited.
#pragma once

#include "lib/model/pass.h"

namespace headscope {

struct Qkv {
  Tensor q;     // [B, T, n_heads, d_head]
  Tensor k, v;  // [B, T, n_kv_heads, d_head]
};

// Before QK-norm and rotation. Editing ln1 and a per-head input (attn_in, q_input, …) of one layer
// at once is a UsageError: the per-head inputs are normalised each on their own.
Qkv project_qkv(Pass& pass, int layer, const Tensor& resid);

}  // namespace headscope
