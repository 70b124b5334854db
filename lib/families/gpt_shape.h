// What GPT-2 and the families shaped like it (GPT-Neo, GPT-J) share, and what those share that fuse
// queries, keys and values as GPT-NeoX does (BLOOM, Falcon).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/families/config_fields.h"
#include "lib/families/rules.h"
#include "lib/model/config.h"

namespace headscope {

// What a family calls its sizes. The name that most families of today have for it is taken too.
struct GptFieldNames {
  std::string_view n_layers = "n_layer";
  std::string_view d_model = "n_embd";
  std::string_view n_heads = "n_head";
  std::string_view d_mlp = "n_inner";
  std::string_view n_ctx = "n_positions";
  std::int64_t usual_n_ctx = 0;  // where a config does not say
};

// The sizes, LayerNorm, and a plain MLP of `activation_function`: DataError naming the field that
// is missing or wrong.
ModelConfig read_gpt_shape(ConfigFields& fields, const GptFieldNames& names);

// Embeddings, learned positions and the last norm, as GPT-2 calls them.
std::vector<WeightRule> gpt_model_rules();

// Attention and MLP of a layer that GPT-NeoX's trainers named, biases too: `layer` is what names
// begin with, "transformer.h.{l}.", and `attention` what attention is called. drop() takes out what
// a model lacks.
std::vector<WeightRule> fused_block_rules(const std::string& layer,
                                          const std::string& attention,
                                          Layout qkv);

}  // namespace headscope
