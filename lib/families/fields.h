// Readings of config fields that several families share.
#pragma once

#include "lib/families/config_fields.h"
#include "lib/families/rope.h"
#include "lib/model/config.h"

namespace headscope {

// How many layers: DataError naming the field unless it is 1 to 65536, so that whatever is made for
// each stays small.
std::int64_t read_layer_count(ConfigFields& fields, std::string_view name);

// "gelu", "gelu_new", "gelu_pytorch_tanh", "silu", …: DataError naming the field for any other.
Activation read_activation(ConfigFields& fields, std::string_view name, std::string_view fallback);

// sliding_window, if given, is every layer's; DataError unless it is above 0.
void read_window_of_all(ConfigFields& fields, ModelConfig& config);

// Rotary settings where a part of each head turns: partial_rotary_factor of the settings, else the
// field of that name, else `fallback`; or rope_dim, as GGUF files say it.
Rope read_partial_rope(ConfigFields& fields, std::int64_t d_head, double fallback);

// sliding_window: how many keys a query sees in every layer; 0, all, where it is missing or null.
std::int64_t read_window(ConfigFields& fields);

// What GPT-2 and its relatives take for d_mlp where a file is silent. Bounded, so that a hostile
// width does not overflow before it is refused.
std::int64_t four_times_width(const ModelConfig& config);

// The settings of GPT-2's classification head, which no language model has.
void ignore_summary_head(ConfigFields& fields);

// layer_types ("full_attention", "sliding_attention"), if given: true where sliding.
std::vector<bool> read_sliding_layers(ConfigFields& fields, std::int64_t n_layers);

}  // namespace headscope
