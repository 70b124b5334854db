// One query a head over many keys, some of them hidden, on a GPU: keys in pieces that run side by
// side, since Torch's kernels that take a mask give one block of threads all keys of a head.
#pragma once

#include "lib/attention/attention.h"

namespace headscope {

// True where the pieces pay and can be cut without a copy: a GPU, a mask and no bias, a single
// query, keys that lie together in whole pieces, no gradient.
bool can_split_keys(const AttentionInputs& in);

// z [B, 1, n_heads, d_head], within rounding what fused_attention() gives.
Tensor split_query_attention(const AttentionInputs& in);

}  // namespace headscope
