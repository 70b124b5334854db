// Tokens to try a head on.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/model/model.h"

namespace headscope {

// `count` different tokens, or all there are; the same for a seed on every machine. Of a model with
// a tokenizer only those that are text: no "<|im_end|>", no rows of W_E that pad the vocabulary.
std::vector<std::int32_t> sample_tokens(const Model& model, std::int64_t count, std::uint64_t seed);

}  // namespace headscope
