// What BERT, RoBERTa and DistilBERT share.
#pragma once

#include "lib/families/families.h"

namespace headscope {

// The sizes of BERT and RoBERTa, and what as_encoder() says.
ModelConfig encoder_config(ConfigFields& fields);

// `sized` with what every encoder is: attention to all tokens, LayerNorms of the embeddings and of
// every sum, biases, learned positions, a masked-token head with a bias for each token.
ModelConfig as_encoder(ConfigFields& fields, ModelConfig sized);

// Embeddings and blocks as BERT and RoBERTa name them behind `prefix`.
WeightRules encoder_rules(const std::string& prefix);

// The unembedding of BERT and RoBERTa: "decoder.weight" behind `head`. Where it is tied, so is its
// bias, to "bias"; else "bias" is a parameter that transformers stores and does not use.
void add_decoder(WeightRules& rules, const ModelConfig& config, const std::string& head);

}  // namespace headscope
