// Where each head looks from a prompt's last token.
#pragma once

#include <string>
#include <vector>

#include "analyses/task/task.h"
#include "lib/model/model.h"

namespace headscope {

// Attention of every head from the last token of each clean prompt to each span (a span of several
// tokens: their sum): [spans, items, n_layers, n_heads] f64. Throws UsageError for a span that an
// item lacks.
Tensor end_attention(const Model& model, const Task& task, const std::vector<std::string>& spans);

}  // namespace headscope
