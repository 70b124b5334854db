// Attention of a layer whose cache keeps everything of some heads and the first and last tokens of
// others: z is what operators with kept_keys() define, within rounding.
#pragma once

#include "lib/model/pass.h"

namespace headscope {

// z [B, T, n_heads, d_head]. Extends the cache by the pass's keys and values. `qkv` are the pass's
// own columns, as attention compares them.
Tensor two_part_attention(Pass& pass, int layer, const Qkv& qkv);

}  // namespace headscope
