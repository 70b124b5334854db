// Readings of config fields that several families share.
#pragma once

#include "lib/families/config_fields.h"
#include "lib/model/config.h"

namespace headscope {

// How many layers: DataError naming the field unless it is 1 to 65536, so that whatever is made for
// each stays small.
std::int64_t read_layer_count(ConfigFields& fields, std::string_view name);

// "gelu", "gelu_new", "gelu_pytorch_tanh", "silu", …: DataError naming the field for any other.
Activation read_activation(ConfigFields& fields, std::string_view name, std::string_view fallback);

// Rotary settings in any spelling: rope_theta + rope_scaling (transformers 4), rope_parameters
// (transformers 5). `dim` dimensions turn. Types default, linear, llama3; others are a DataError.
// `partial`: the family has turned partial_rotary_factor into `dim` already; `whole` refuses it.
enum class RotaryFraction { whole, partial };
Rope read_rope(ConfigFields& fields,
               std::int64_t dim,
               double default_base,
               RotaryFraction fraction = RotaryFraction::whole);

// One entry of rope_parameters or rope_scaling.
Rope rope_from(const Json& settings, std::int64_t dim, double base, const std::string& where);

// sliding_window, if given, is every layer's; DataError unless it is above 0.
void read_window_of_all(ConfigFields& fields, ModelConfig& config);

// layer_types ("full_attention", "sliding_attention"), if given: true where sliding.
std::vector<bool> read_sliding_layers(ConfigFields& fields, std::int64_t n_layers);

}  // namespace headscope
