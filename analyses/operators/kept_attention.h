// How much of a layer's attention an operator keeps.
#pragma once

#include <memory>

#include "lib/attention/attention.h"
#include "lib/attention/head_operator.h"

namespace headscope {

// Of each head, [n_heads] f64, over all queries of one prompt.
struct KeptAttention {
  Tensor retained;  // mean over queries of the attention on keys that are kept
  Tensor density;   // kept pairs of query and key, of those that are seen
};

// `in` as a layer without operators has it, no row padded; queries and keys are the same columns.
KeptAttention kept_attention(const AttentionInputs& in,
                             const std::shared_ptr<const HeadOperator>& op);

}  // namespace headscope
