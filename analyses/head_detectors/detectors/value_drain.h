// How little a head writes of the first token, however much it attends there.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/model/model.h"

namespace headscope {

// ‖v W_O‖ of every token: [B, T, n_layers, n_heads] f64. Before a norm behind attention, if there
// is one.
Tensor written_norms(const Model& model, const std::vector<std::vector<std::int32_t>>& prompts);

// norms [B, T, …] and a token a prompt, `at` [B] int64 → 1 − ‖at‖ / mean of the others, the first
// token never among them: [B, …].
Tensor drain_at(const Tensor& norms, const Tensor& at);

}  // namespace headscope
