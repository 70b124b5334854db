// What a model expects next.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lib/model/model.h"

namespace headscope {

struct Prediction {
  std::int32_t token = 0;
  std::string piece;  // raw bytes; "" without a tokenizer
  double probability = 0.0;
  double logit = 0.0;
};

// The `count` likeliest of `logits` [d_vocab], likeliest first, ties by token id. Softmax in double
// precision. DataError if a logit is not a finite number: there is no order then.
std::vector<Prediction> top_predictions(std::span<const float> logits,
                                        const Model& model,
                                        std::size_t count);

// The text of a token beside its number; "" where the tokenizer does not know it.
std::string piece_of(const Model& model, std::int32_t token);

}  // namespace headscope
