#include "lib/families/fields.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

constexpr std::int64_t kMostLayers = 1 << 16;  // no honest model comes near

}  // namespace

std::int64_t read_layer_count(ConfigFields& fields, std::string_view name) {
  const std::int64_t layers = fields.integer(name);
  if (layers < 1 || layers > kMostLayers) {
    throw DataError("{}: field \"{}\" is {}; a model has 1 to {} layers",
                    fields.where(),
                    name,
                    layers,
                    kMostLayers);
  }
  return layers;
}

Activation read_activation(ConfigFields& fields, std::string_view name, std::string_view fallback) {
  const std::string value = fields.text(name, fallback);
  if (value == "gelu") {
    return Activation::gelu;
  }
  if (value == "gelu_new" || value == "gelu_pytorch_tanh" || value == "gelu_fast") {
    return Activation::gelu_tanh;
  }
  if (value == "silu" || value == "swish") {
    return Activation::silu;
  }
  if (value == "relu") {
    return Activation::relu;
  }
  throw DataError(
      "{}: \"{}\": \"{}\" is not supported; headscope runs gelu, gelu_new, "
      "gelu_pytorch_tanh, silu and relu",
      fields.where(),
      name,
      value);
}

Rope read_partial_rope(ConfigFields& fields, std::int64_t d_head, double fallback) {
  Json factor = fields.number("partial_rotary_factor", fallback);
  for (const char* name : {"rope_parameters", "rope_scaling"}) {
    const Json settings = fields.raw(name);
    const Json own =
        settings.is_object() ? settings.value("partial_rotary_factor", Json()) : Json();
    if (!own.is_null()) {
      fields.tell_if_other("partial_rotary_factor", own, fmt::format("that of {}", name));
      factor = own;
    }
  }
  if (!factor.is_number() || !(factor > 0.0 && factor <= 1.0)) {
    throw DataError("{}: partial_rotary_factor {} must be above 0 and at most 1",
                    fields.where(),
                    factor.dump());
  }
  const auto dim = static_cast<std::int64_t>(static_cast<double>(d_head) * factor.get<double>());
  return read_rope(fields, fields.integer("rope_dim", dim), 10000.0, RotaryFraction::partial);
}

std::int64_t read_window(ConfigFields& fields) {
  const std::int64_t window = fields.optional_integer("sliding_window", 0);
  if (fields.has("sliding_window") && window <= 0) {
    throw DataError(
        "{}: \"sliding_window\" is {}; a query sees at least itself", fields.where(), window);
  }
  return window;
}

void read_window_of_all(ConfigFields& fields, ModelConfig& config) {
  const std::int64_t window = read_window(fields);
  for (LayerConfig& layer : config.layers) {
    layer.window = window;
  }
}

std::int64_t four_times_width(const ModelConfig& config) {
  return std::clamp(config.d_model, std::int64_t{0}, std::int64_t{1} << 31) * 4;
}

void ignore_summary_head(ConfigFields& fields) {
  fields.ignore({"summary_activation",
                 "summary_first_dropout",
                 "summary_proj_to_labels",
                 "summary_type",
                 "summary_use_proj"});
}

std::vector<bool> read_sliding_layers(ConfigFields& fields, std::int64_t n_layers) {
  const Json types = fields.raw("layer_types");
  std::vector<bool> sliding;
  if (types.is_null()) {
    return sliding;
  }
  if (!types.is_array() || static_cast<std::int64_t>(types.size()) != n_layers) {
    throw DataError("{}: \"layer_types\" must list {} layers", fields.where(), n_layers);
  }
  for (const Json& type : types) {
    if (type != "full_attention" && type != "sliding_attention") {
      throw DataError(
          "{}: layer type {} is not supported; headscope runs full_attention and "
          "sliding_attention",
          fields.where(),
          type.dump());
    }
    sliding.push_back(type == "sliding_attention");
  }
  return sliding;
}

}  // namespace headscope
