// Rotary settings of a config in any spelling.
#pragma once

#include <cstdint>
#include <optional>

#include "lib/families/config_fields.h"
#include "lib/model/config.h"

namespace headscope {

// What settings are silent about.
struct RopeDefaults {
  std::int64_t dim = 0;  // dimensions of a head that turn
  double base = 10000.0;
  std::int64_t n_ctx = 0;  // max_position_embeddings
  // The config's own original_max_position_embeddings, which transformers prefers to the settings'.
  std::optional<std::int64_t> original_context{};
};

// Settings of a model: rope_theta + rope_scaling (transformers 4), rope_parameters (transformers
// 5). Types default, linear, llama3, dynamic, yarn and longrope, as transformers'
// modeling_rope_utils computes them; others are a DataError. `partial`: the family
// has turned partial_rotary_factor into `dim` already; `whole` refuses it.
enum class RotaryFraction { whole, partial };
Rope read_rope(ConfigFields& fields,
               std::int64_t dim,
               double default_base,
               RotaryFraction fraction = RotaryFraction::whole);

// One entry of rope_parameters or rope_scaling. DataError for a setting that its type does not
// know.
Rope rope_from(const Json& settings, const RopeDefaults& defaults, const std::string& where);

}  // namespace headscope
