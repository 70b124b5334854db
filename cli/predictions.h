// What a model expects next.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cli/render/table.h"
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

// rank, token, id, probability, logit. As text, blanks in tokens are made visible.
Table prediction_table(const std::vector<Prediction>& predictions);
OrderedJson to_json(const std::vector<Prediction>& predictions);

// The text of a token beside its number; "" where the tokenizer does not know it.
std::string piece_of(const Model& model, std::int32_t token);

}  // namespace headscope
