// What a model expects next, as a table.
#pragma once

#include <vector>

#include "cli/render/table.h"
#include "lib/generate/predictions.h"

namespace headscope {

// rank, token, id, probability, logit. As text, blanks in tokens are made visible.
Table prediction_table(const std::vector<Prediction>& predictions);
OrderedJson to_json(const std::vector<Prediction>& predictions);

}  // namespace headscope
