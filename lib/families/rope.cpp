#include "lib/families/rope.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

using Kind = RopeScaling::Kind;

// One object of settings, read by name.
class Settings {
 public:
  Settings(const Json& json, const std::string& where) : json_(json), where_(where) {}

  [[nodiscard]] bool has(const char* name) const { return !json_.value(name, Json()).is_null(); }

  [[nodiscard]] double number(const char* name) const {
    const Json value = json_.value(name, Json());
    if (!value.is_number()) {
      throw DataError("{}: rope settings lack the number \"{}\"", where_, name);
    }
    return value.get<double>();
  }

  [[nodiscard]] double number(const char* name, double fallback) const {
    return has(name) ? number(name) : fallback;
  }

  [[nodiscard]] bool flag(const char* name, bool fallback) const {
    const Json value = json_.value(name, Json(fallback));
    if (!value.is_boolean()) {
      throw DataError("{}: \"{}\" is {}, not true or false", where_, name, value.dump());
    }
    return value.get<bool>();
  }

  // DataError if the setting is missing; null is a value, "of the other settings".
  void require_named(const char* name) const {
    if (!json_.contains(name)) {
      throw DataError(
          "{}: rope settings lack \"{}\", and transformers does not read them without; say what it "
          "is, or null for what the two contexts give",
          where_,
          name);
    }
  }

  // DataError for a null, which transformers does not take for the default here.
  void refuse_null(const char* name) const {
    if (json_.contains(name) && !has(name)) {
      throw DataError(
          "{}: rope setting \"{}\" is null; say what it is, or leave it out for the "
          "default",
          where_,
          name);
    }
  }

  // Positive numbers, one a frequency.
  [[nodiscard]] std::vector<float> divisors(const char* name, std::int64_t count) const {
    const Json list = json_.value(name, Json());
    const bool fits = list.is_array() && static_cast<std::int64_t>(list.size()) == count &&
                      std::all_of(list.begin(), list.end(), [](const Json& value) {
                        return value.is_number() && value.get<double>() > 0;
                      });
    if (!fits) {
      throw DataError(
          "{}: rope setting \"{}\" must list {} positive numbers, one for two "
          "dimensions that turn",
          where_,
          name,
          count);
    }
    return list.get<std::vector<float>>();
  }

  // original_max_position_embeddings, in the order in which transformers looks for it.
  [[nodiscard]] std::int64_t original_context(const RopeDefaults& defaults) const {
    constexpr const char* kName = "original_max_position_embeddings";
    refuse_null(kName);
    const double context = defaults.original_context
                               ? static_cast<double>(*defaults.original_context)
                               : number(kName, static_cast<double>(defaults.n_ctx));
    if (!(context >= 1 && context <= static_cast<double>(std::int64_t{1} << 31))) {
      throw DataError("{}: \"{}\" is {}; it must be between 1 and 2^31", where_, kName, context);
    }
    return static_cast<std::int64_t>(context);
  }

  // DataError for a setting beside these.
  void refuse_others(const std::string& type, std::vector<std::string> known) const {
    known.insert(known.end(), {"rope_type", "type", "rope_theta"});
    for (const auto& [name, value] : json_.items()) {
      if (!value.is_null() && std::find(known.begin(), known.end(), name) == known.end()) {
        throw DataError("{}: rope setting \"{}\": {} is not known for type \"{}\"",
                        where_,
                        name,
                        value.dump(),
                        type);
      }
    }
  }

  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  const Json& json_;
  const std::string& where_;
};

RopeScaling none(const Settings&, const RopeDefaults&) {
  return {};
}

RopeScaling linear(const Settings& s, const RopeDefaults&) {
  return {.kind = Kind::linear, .factor = s.number("factor")};
}

RopeScaling llama3(const Settings& s, const RopeDefaults& defaults) {
  return {.kind = Kind::llama3,
          .factor = s.number("factor"),
          .low_freq_factor = s.number("low_freq_factor"),
          .high_freq_factor = s.number("high_freq_factor"),
          .original_context = s.original_context(defaults)};
}

// Up to max_position_embeddings it changes nothing.
RopeScaling dynamic(const Settings& s, const RopeDefaults& defaults) {
  return {.kind = Kind::dynamic, .factor = s.number("factor"), .original_context = defaults.n_ctx};
}

double magnitude(double factor, double mscale = 1.0) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

RopeScaling yarn(const Settings& s, const RopeDefaults& defaults) {
  RopeScaling scaling{.kind = Kind::yarn, .original_context = s.original_context(defaults)};
  s.require_named("factor");
  scaling.factor =
      s.number("factor",
               static_cast<double>(defaults.n_ctx) / static_cast<double>(scaling.original_context));
  const double mscale = s.number("mscale", 0.0);
  const double mscale_all_dim = s.number("mscale_all_dim", 0.0);
  const double implied =
      mscale != 0 && mscale_all_dim != 0
          ? magnitude(scaling.factor, mscale) / magnitude(scaling.factor, mscale_all_dim)
          : magnitude(scaling.factor);
  scaling.attention_factor = s.number("attention_factor", implied);
  const double fast = s.number("beta_fast", 0.0);
  const double slow = s.number("beta_slow", 0.0);
  scaling.beta_fast = fast == 0 ? 32.0 : fast;  // as transformers: 0 counts as not given
  scaling.beta_slow = slow == 0 ? 1.0 : slow;
  scaling.truncate = s.flag("truncate", true);
  return scaling;
}

RopeScaling longrope(const Settings& s, const RopeDefaults& defaults) {
  RopeScaling scaling{.kind = Kind::longrope, .original_context = s.original_context(defaults)};
  const auto original = static_cast<double>(scaling.original_context);
  const double factor = s.number("factor", static_cast<double>(defaults.n_ctx) / original);
  const double implied = factor <= 1 ? 1.0 : std::sqrt(1.0 + std::log(factor) / std::log(original));
  scaling.attention_factor = s.number("attention_factor", implied);
  scaling.divisors = s.divisors("short_factor", defaults.dim / 2);
  scaling.long_divisors = s.divisors("long_factor", defaults.dim / 2);
  return scaling;
}

struct RopeType {
  const char* name;
  RopeScaling (*read)(const Settings& settings, const RopeDefaults& defaults);
  std::vector<std::string> known;
};

const std::vector<RopeType>& rope_types() {
  static const std::string original = "original_max_position_embeddings";
  static const std::vector<std::string> of_longrope{
      "factor", "attention_factor", "short_factor", "long_factor", original};
  static const std::vector<RopeType> types{
      {"default", none, {}},
      {"linear", linear, {"factor"}},
      {"llama3", llama3, {"factor", "low_freq_factor", "high_freq_factor", original}},
      {"dynamic", dynamic, {"factor"}},
      {"yarn",
       yarn,
       {"factor",
        "attention_factor",
        "beta_fast",
        "beta_slow",
        "mscale",
        "mscale_all_dim",
        "truncate",
        original}},
      {"longrope", longrope, of_longrope}};
  return types;
}

// "rope_type", or "type" as older configs spell it.
std::string rope_type(const Json& settings, const std::string& where) {
  const Json type = settings.value("rope_type", settings.value("type", Json("default")));
  if (!type.is_string()) {
    throw DataError("{}: \"rope_type\" is {}, not a string", where, type.dump());
  }
  return type.get<std::string>();
}

RopeScaling scaling_from(const Json& settings,
                         const RopeDefaults& defaults,
                         const std::string& where) {
  const std::string type = rope_type(settings, where);
  std::vector<std::string> names;
  for (const RopeType& each : rope_types()) {
    if (each.name == type) {
      const Settings read(settings, where);
      read.refuse_others(type, each.known);
      return each.read(read, defaults);
    }
    names.emplace_back(each.name);
  }
  throw DataError("{}: rope type \"{}\" is not supported; headscope runs {}",
                  where,
                  type,
                  fmt::join(names, ", "));
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
  const RopeScaling& s = a.scaling;
  const RopeScaling& t = b.scaling;
  return a.base == b.base && a.dim == b.dim && s.kind == t.kind && s.factor == t.factor &&
         s.attention_factor == t.attention_factor && s.beta_fast == t.beta_fast &&
         s.beta_slow == t.beta_slow && s.truncate == t.truncate &&
         s.low_freq_factor == t.low_freq_factor && s.high_freq_factor == t.high_freq_factor &&
         s.original_context == t.original_context && s.divisors == t.divisors &&
         s.long_divisors == t.long_divisors;
}

// GGUF's rope_freqs.weight.
void add_divisors(ConfigFields& fields, Rope& rope) {
  const Json divisors = fields.raw("rope_divisors");
  if (divisors.is_null()) {
    return;
  }
  if (rope.scaling.kind != Kind::none) {
    throw DataError(
        "{}: rope_freqs.weight and rope.scaling.factor {} both stretch the rotary positions, "
        "which is not supported; keep one in a copy of the file",
        fields.where(),
        rope.scaling.factor);
  }
  rope.scaling.kind = Kind::divisors;
  rope.scaling.divisors = divisors.get<std::vector<float>>();
}

bool asks_original_context(const Json& settings, const std::string& where) {
  constexpr std::array<std::string_view, 3> kTypes{"llama3", "yarn", "longrope"};
  return settings.is_object() &&
         std::find(kTypes.begin(), kTypes.end(), rope_type(settings, where)) != kTypes.end();
}

}  // namespace

Rope rope_from(const Json& settings, const RopeDefaults& defaults, const std::string& where) {
  if (!settings.is_object()) {
    throw DataError("{}: rope settings are {}, not an object", where, settings.dump());
  }
  Rope rope;
  const Settings read(settings, where);
  read.refuse_null("rope_theta");
  rope.base = read.number("rope_theta", defaults.base);
  rope.dim = defaults.dim;
  rope.scaling = scaling_from(settings, defaults, where);
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
  const Json scaling = fields.raw("rope_scaling");
  const Json parameters = fields.raw("rope_parameters");
  const Json& settings = !parameters.is_null() ? parameters : scaling;
  RopeDefaults defaults{.dim = dim,
                        .base = fields.number("rope_theta", default_base),
                        .n_ctx = fields.integer("max_position_embeddings", 0)};
  if (fields.has("original_max_position_embeddings") &&
      asks_original_context(settings, fields.where())) {
    defaults.original_context = fields.integer("original_max_position_embeddings");
  }
  if (fraction == RotaryFraction::whole) {
    fields.require("partial_rotary_factor", 1.0);
  }
  const auto read = [&](const Json& each) {
    return rope_from(without_fraction(each, fraction, fields.where()), defaults, fields.where());
  };
  Rope rope = read(settings);
  if (settings.is_object() && !settings.value("rope_theta", Json()).is_null()) {
    fields.tell_if_other("rope_theta", rope.base, "rope_theta of the rope settings");
  }
  if (!parameters.is_null() && !scaling.is_null() && !same(rope, read(scaling))) {
    throw DataError("{}: rope_parameters and rope_scaling disagree; keep one", fields.where());
  }
  add_divisors(fields, rope);
  return rope;
}

}  // namespace headscope
