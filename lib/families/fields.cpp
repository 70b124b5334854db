#include "lib/families/fields.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

constexpr std::int64_t kMostLayers = 1 << 16;  // no honest model comes near

double number_in(const Json& settings, const char* name, const std::string& where) {
  const auto found = settings.find(name);
  if (found == settings.end() || !found->is_number()) {
    throw DataError("{}: rope settings lack the number \"{}\"", where, name);
  }
  return found->get<double>();
}

std::int64_t context_in(const Json& settings, const char* name, const std::string& where) {
  const double context = number_in(settings, name, where);
  if (!(context >= 1 && context <= static_cast<double>(std::int64_t{1} << 31))) {
    throw DataError("{}: \"{}\" is {}; it must be between 1 and 2^31", where, name, context);
  }
  return static_cast<std::int64_t>(context);
}

void refuse_unread(const Json& settings, const std::string& type, const std::string& where) {
  std::vector<std::string> known{"rope_type", "type", "rope_theta"};
  if (type == "linear") {
    known.emplace_back("factor");
  }
  if (type == "llama3") {
    for (const char* name :
         {"factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"}) {
      known.emplace_back(name);
    }
  }
  for (const auto& [name, value] : settings.items()) {
    if (!value.is_null() && std::find(known.begin(), known.end(), name) == known.end()) {
      throw DataError("{}: rope setting \"{}\": {} is not known for type \"{}\"",
                      where,
                      name,
                      value.dump(),
                      type);
    }
  }
}

// "rope_type", or "type" as older configs spell it.
std::string rope_type(const Json& settings, const std::string& where) {
  const Json type = settings.value("rope_type", settings.value("type", Json("default")));
  if (!type.is_string()) {
    throw DataError("{}: \"rope_type\" is {}, not a string", where, type.dump());
  }
  return type.get<std::string>();
}

RopeScaling scaling_from(const Json& settings, const std::string& where) {
  const std::string type = rope_type(settings, where);
  refuse_unread(settings, type, where);
  RopeScaling scaling;
  if (type == "default") {
    return scaling;
  }
  if (type == "linear") {
    scaling.kind = RopeScaling::Kind::linear;
    scaling.factor = number_in(settings, "factor", where);
    return scaling;
  }
  if (type == "llama3") {
    scaling.kind = RopeScaling::Kind::llama3;
    scaling.factor = number_in(settings, "factor", where);
    scaling.low_freq_factor = number_in(settings, "low_freq_factor", where);
    scaling.high_freq_factor = number_in(settings, "high_freq_factor", where);
    scaling.original_context = context_in(settings, "original_max_position_embeddings", where);
    return scaling;
  }
  throw DataError(
      "{}: rope type \"{}\" is not supported; headscope runs default, linear and llama3",
      where,
      type);
}

// The settings but for partial_rotary_factor, which the caller has turned into dimensions.
Json without_fraction(const Json& settings, RotaryFraction fraction, const std::string& where) {
  if (settings.is_null()) {
    return Json::object();
  }
  if (!settings.is_object() || !settings.contains("partial_rotary_factor")) {
    return settings;
  }
  const Json& factor = settings["partial_rotary_factor"];
  if (fraction == RotaryFraction::whole && !factor.is_null() && factor != 1.0) {
    throw DataError("{}: partial_rotary_factor {} is not supported for this architecture",
                    where,
                    factor.dump());
  }
  Json rest = settings;
  rest.erase("partial_rotary_factor");
  return rest;
}

bool same(const Rope& a, const Rope& b) {
  return a.base == b.base && a.dim == b.dim && a.scaling.kind == b.scaling.kind &&
         a.scaling.factor == b.scaling.factor &&
         a.scaling.low_freq_factor == b.scaling.low_freq_factor &&
         a.scaling.high_freq_factor == b.scaling.high_freq_factor &&
         a.scaling.original_context == b.scaling.original_context;
}

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

Rope rope_from(const Json& settings, std::int64_t dim, double base, const std::string& where) {
  if (!settings.is_object()) {
    throw DataError("{}: rope settings are {}, not an object", where, settings.dump());
  }
  Rope rope;
  const bool own = !settings.value("rope_theta", Json()).is_null();
  rope.base = own ? number_in(settings, "rope_theta", where) : base;
  rope.dim = dim;
  rope.scaling = scaling_from(settings, where);
  if (!(rope.base > 0 && rope.scaling.factor > 0)) {
    throw DataError(
        "{}: rope base {} and factor {} must be positive", where, rope.base, rope.scaling.factor);
  }
  return rope;
}

Rope read_rope(ConfigFields& fields,
               std::int64_t dim,
               double default_base,
               RotaryFraction fraction) {
  const double base = fields.number("rope_theta", default_base);
  const Json scaling = fields.raw("rope_scaling");
  const Json parameters = fields.raw("rope_parameters");
  const Json divisors = fields.raw("rope_divisors");  // GGUF's rope_freqs.weight
  if (fraction == RotaryFraction::whole) {
    fields.require("partial_rotary_factor", 1.0);
  }
  const auto read = [&](const Json& settings) {
    return rope_from(
        without_fraction(settings, fraction, fields.where()), dim, base, fields.where());
  };
  const Json& settings = !parameters.is_null() ? parameters : scaling;
  Rope rope = read(settings);
  if (settings.is_object() && !settings.value("rope_theta", Json()).is_null()) {
    fields.tell_if_other("rope_theta", rope.base, "rope_theta of the rope settings");
  }
  if (!parameters.is_null() && !scaling.is_null() && !same(rope, read(scaling))) {
    throw DataError("{}: rope_parameters and rope_scaling disagree; keep one", fields.where());
  }
  if (!divisors.is_null()) {
    if (rope.scaling.kind != RopeScaling::Kind::none) {
      throw DataError(
          "{}: rope_freqs.weight and rope.scaling.factor {} both stretch the rotary positions, "
          "which is not supported; keep one in a copy of the file",
          fields.where(),
          rope.scaling.factor);
    }
    rope.scaling.kind = RopeScaling::Kind::divisors;
    rope.scaling.divisors = divisors.get<std::vector<float>>();
  }
  return rope;
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
  const std::int64_t window = fields.integer("sliding_window", 0);
  if (fields.has("sliding_window") && window <= 0) {
    throw DataError(
        "{}: \"sliding_window\" is {}; a query sees at least itself", fields.where(), window);
  }
  return window;
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
