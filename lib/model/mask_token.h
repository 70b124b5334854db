// The token that a masked-token model fills in.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lib/model/model.h"

namespace headscope {

// "[MASK]" (BERT) or "<mask>" (RoBERTa), whichever the model's tokenizer keeps as one token.
std::optional<std::int32_t> mask_token(const Model& model);

// Where it stands in the tokens: -1 unless it is there, once.
std::int64_t position_of_mask(const Model& model, const std::vector<std::int32_t>& tokens);

}  // namespace headscope
