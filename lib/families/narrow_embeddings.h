// Embeddings narrower than the stream (OPT-350m).
#pragma once

#include "lib/model/weights.h"

namespace headscope {

// The config of a model whose embeddings are widened.
ModelConfig widened(ModelConfig config);

// Where the config says d_embed: W_E and W_U become what enters the stream and what reads it, their
// stored rows times W_embed_in and W_embed_out, and `config` what widened() makes of it. All
// that asks for W_E or W_U then sees the products that the model computes.
void widen_embeddings(Weights& weights, ModelConfig& config);

}  // namespace headscope
