// The same model with keys and values of every query head: what circuits of edges are told of.
#pragma once

#include "lib/model/model.h"

namespace headscope {

// Where query heads share keys and values, W_K, W_V and their biases are repeated for each, so that
// hook_k_input, hook_v_input and what follows have an entry a query head; values and logits are the
// model's own. A model that shares nothing is returned as it is. Takes
// 2 (n_heads − n_kv_heads) d_head d_model elements a layer more. Throws UsageError for a model with
// a standing change, whose heads would be counted otherwise.
Model ungrouped(const Model& model);

}  // namespace headscope
