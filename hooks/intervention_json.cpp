#include "hooks/intervention_json.h"

#include <array>

#include <fmt/ranges.h>

#include "hooks/apply_json.h"
#include "hooks/intervention_fields.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

constexpr int kInterventionsVersion = 1;

// Nested lists of numbers, all of one length at each depth.
void flatten(const Json& json,
             std::size_t depth,
             InterventionValues& out,
             const std::string& where) {
  if (json.is_number() && depth == out.shape.size()) {
    if (!is_f32(json.get<double>())) {
      throw DataError("{}: \"values\" hold {}, not {}", where, json.dump(), kOfF32);
    }
    out.numbers.push_back(json.get<double>());
    return;
  }
  const bool fits = json.is_array() && depth < out.shape.size() &&
                    static_cast<std::int64_t>(json.size()) == out.shape[depth];
  if (!fits) {
    throw DataError("{}: \"values\" are not lists of numbers of one length", where);
  }
  for (const Json& each : json) {
    flatten(each, depth + 1, out, where);
  }
}

InterventionValues numbers_from(const Json& json, const std::string& where) {
  InterventionValues values;
  for (const Json* at = &json; at->is_array(); at = &at->front()) {
    if (at->empty()) {
      throw DataError("{}: \"values\" has an empty list", where);
    }
    values.shape.push_back(static_cast<std::int64_t>(at->size()));
  }
  flatten(json, 0, values, where);
  return values;
}

constexpr std::array<std::pair<ValuesFile::Kind, const char*>, 4> kFileKinds{
    {{ValuesFile::Kind::direction, "direction"},
     {ValuesFile::Kind::safetensors, "safetensors"},
     {ValuesFile::Kind::npy, "npy"},
     {ValuesFile::Kind::gguf, "gguf"}}};

std::vector<std::string> quoted_file_kinds() {
  std::vector<std::string> names;
  for (const auto& [kind, name] : kFileKinds) {
    names.push_back(fmt::format("\"{}\"", name));
  }
  return names;
}

std::optional<ValuesFile> values_file_from(InterventionFields& fields) {
  std::optional<ValuesFile> file;
  for (const auto& [kind, name] : kFileKinds) {
    const auto path = fields.text(name);
    if (path && file) {
      throw DataError("{}: two files, of which one is meant", fields.where());
    }
    if (path) {
      file = ValuesFile{.kind = kind, .path = *path};
    }
  }
  const auto tensor = fields.text("tensor");
  const bool named = file && file->kind == ValuesFile::Kind::safetensors;
  if (named != tensor.has_value()) {
    throw DataError("{}: \"tensor\" names one of a \"safetensors\" file", fields.where());
  }
  if (named) {
    file->tensor = *tensor;
  }
  return file;
}

InterventionValues values_from(const Json& json,
                               const std::string& where,
                               const std::filesystem::path& folder) {
  if (!json.is_object()) {
    return numbers_from(json, where);
  }
  InterventionFields fields(json, where + ", values");
  InterventionValues values;
  values.name = fields.text("name").value_or("");
  values.trace = fields.text("trace").value_or("");
  values.point = fields.text("point").value_or("");
  values.prompt = fields.text("prompt");
  values.file = values_file_from(fields);
  fields.refuse_others();
  if (int{!values.name.empty()} + int{!values.trace.empty()} + int{values.file.has_value()} != 1) {
    throw DataError("{}: give one of {}, \"trace\" or \"name\"",
                    fields.where(),
                    fmt::join(quoted_file_kinds(), ", "));
  }
  if (values.trace.empty() && (!values.point.empty() || values.prompt)) {
    throw DataError("{}: \"point\" and \"prompt\" are of a trace", fields.where());
  }
  if (!values.trace.empty()) {
    values.trace = folder / values.trace;
  }
  if (values.file) {
    values.file->path = folder / values.file->path;
  }
  return values;
}

std::optional<std::int64_t> end_of_pair(const Json& json, InterventionFields& fields) {
  if (json.is_null()) {
    return std::nullopt;
  }
  if (!is_position(json)) {
    fields.fail("pairs", "a list of [query, key], each a position or null for all");
  }
  return json.get<std::int64_t>();
}

std::optional<std::vector<AttentionPair>> pairs_from(InterventionFields& fields) {
  const Json* json = fields.find("pairs");
  if (json == nullptr) {
    return std::nullopt;
  }
  std::vector<AttentionPair> pairs;
  if (!json->is_array() || json->empty()) {
    fields.fail("pairs", "a list of [query, key], each a position or null for all");
  }
  for (const Json& pair : *json) {
    if (!pair.is_array() || pair.size() != 2) {
      fields.fail("pairs", "a list of [query, key], each a position or null for all");
    }
    pairs.push_back({end_of_pair(pair[0], fields), end_of_pair(pair[1], fields)});
  }
  return pairs;
}

double needed(InterventionFields& fields, Op op, const char* key) {
  const auto number = fields.number(key);
  if (!number) {
    throw DataError("{}: op \"{}\" needs \"{}\"", fields.where(), to_string(op), key);
  }
  return *number;
}

bool takes_values(Op op) {
  return op == Op::mean || op == Op::resample || op == Op::add || op == Op::replace ||
         op == Op::project_out || op == Op::low_rank || op == Op::set_row;
}

// "factor" under the name it has for the op, or "strength"; another op takes none.
void read_strength(InterventionFields& fields, Intervention& what) {
  const char* name = what.op == Op::bias ? "bias" : "factor";
  if (what.op == Op::temperature || what.op == Op::calibrate_sinks) {
    what.factor = needed(fields, what.op, what.op == Op::temperature ? "temperature" : "factor");
    return;
  }
  if (what.op != Op::scale && what.op != Op::bias && what.op != Op::add &&
      what.op != Op::renormalize) {
    return;
  }
  const auto factor = fields.number(name);
  const auto strength = strength_from(fields);
  if (factor && strength) {
    throw DataError("{}: \"{}\" and \"strength\" are the same; give one", fields.where(), name);
  }
  if (!factor && !strength && what.op != Op::add) {
    throw DataError("{}: op \"{}\" needs \"{}\"", fields.where(), to_string(what.op), name);
  }
  what.factor = factor ? *factor : strength ? strength->number : 1.0;
  what.schedule = strength ? strength->schedule : std::nullopt;
}

std::vector<double> sae_value_from(InterventionFields& fields) {
  const Json* json = fields.find("value");
  if (json == nullptr) {
    return {};
  }
  if (!json->is_array()) {
    return {*fields.number("value")};
  }
  std::vector<double> values;
  for (const Json& each : *json) {
    if (!each.is_number() || !is_f32(each.get<double>())) {
      fields.fail("value", "a number that f32 holds, or a list of one for each feature");
    }
    values.push_back(each.get<double>());
  }
  return values;
}

SaeChange sae_from(InterventionFields& fields, const std::filesystem::path& folder) {
  SaeChange sae;
  const auto path = fields.text("sae");
  if (!path) {
    throw DataError("{}: op \"sae\" needs \"sae\", the folder of a sparse autoencoder",
                    fields.where());
  }
  sae.folder = folder / *path;
  sae.features = fields.integers("features").value_or(std::vector<std::int64_t>{});
  const auto act = fields.text("do");
  try {
    sae.act = act ? parse_sae_do(*act) : SaeChange::Do::attach;
  } catch (const DataError& error) {
    throw DataError("{}: {}", fields.where(), error.what());
  }
  sae.value = sae_value_from(fields);
  if (const Json* term = fields.find("error_term")) {
    if (!term->is_boolean()) {
      fields.fail("error_term", "true or false");
    }
    sae.error_term = term->get<bool>();
  }
  return sae;
}

OrderedJson sae_value_json(const std::vector<double>& value) {
  return value.size() == 1 ? OrderedJson(value.front()) : OrderedJson(value);
}

Intervention intervention_from(const Json& json,
                               const std::string& where,
                               const std::filesystem::path& folder) {
  InterventionFields fields(json, where);
  Intervention what;
  const auto site = fields.text("site");
  const auto op = fields.text("op");
  if (!site || !op) {
    throw DataError("{}: needs \"{}\"", where, site ? "op" : "site");
  }
  what.site = *site;
  try {
    what.op = parse_op(*op);
  } catch (const DataError& error) {
    throw DataError("{}: {}", where, error.what());
  }
  what.layers = fields.integers("layers");
  what.where.heads = fields.integers("heads");
  what.where.kv_heads = fields.integers("kv_heads");
  what.where.positions = fields.integers("positions");
  what.where.prompts = fields.integers("prompts");
  what.where.pairs = pairs_from(fields);
  what.where.apply = token_choice_from(fields, "apply");
  what.where.keys = token_choice_from(fields, "keys");
  if (what.where.positions && !what.where.apply.everything()) {
    throw DataError("{}: \"positions\" beside \"apply\"; write them as its \"positions\"",
                    fields.where());
  }
  what.when = condition_from(fields);
  read_strength(fields, what);
  if (what.op == Op::clamp) {
    what.low = fields.number("low");
    what.high = fields.number("high");
  }
  if (what.op == Op::top_k) {
    what.k = fields.integer("k").value_or(0);
  }
  if (what.op == Op::calibrate_sinks) {
    what.threshold = needed(fields, what.op, "threshold");
  }
  if (what.op == Op::sae) {
    what.sae = sae_from(fields, folder);
  }
  if (takes_values(what.op) || (what.sae && what.sae->act == SaeChange::Do::patch)) {
    if (const Json* values = fields.find("values")) {
      what.values = values_from(*values, where, folder);
    }
  }
  fields.refuse_others();
  return what;
}

template <typename Value>
void put(OrderedJson& out, const char* key, const std::optional<Value>& value) {
  if (value) {
    out[key] = *value;
  }
}

OrderedJson nested(const InterventionValues& values, std::size_t depth, std::size_t& next) {
  if (depth == values.shape.size()) {
    return values.numbers.at(next++);
  }
  OrderedJson list = OrderedJson::array();
  for (std::int64_t i = 0; i < values.shape[depth]; ++i) {
    list.push_back(nested(values, depth + 1, next));
  }
  return list;
}

OrderedJson values_json(const InterventionValues& values) {
  if (!values.numbers.empty()) {
    std::size_t next = 0;
    return nested(values, 0, next);
  }
  OrderedJson out = OrderedJson::object();
  if (!values.name.empty()) {
    out["name"] = values.name;
    return out;
  }
  if (values.file) {
    for (const auto& [kind, name] : kFileKinds) {
      if (kind == values.file->kind) {
        out[name] = values.file->path.string();
      }
    }
    if (!values.file->tensor.empty()) {
      out["tensor"] = values.file->tensor;
    }
    return out;
  }
  out["trace"] = values.trace.string();
  if (!values.point.empty()) {
    out["point"] = values.point;
  }
  put(out, "prompt", values.prompt);
  return out;
}

OrderedJson end_json(const std::optional<std::int64_t>& end) {
  return end ? OrderedJson(*end) : OrderedJson(nullptr);
}

OrderedJson intervention_json(const Intervention& what) {
  OrderedJson out{{"site", what.site}, {"op", to_string(what.op)}};
  put(out, "layers", what.layers);
  put(out, "heads", what.where.heads);
  put(out, "kv_heads", what.where.kv_heads);
  put(out, "positions", what.where.positions);
  put(out, "prompts", what.where.prompts);
  if (what.where.pairs) {
    out["pairs"] = OrderedJson::array();
    for (const AttentionPair& pair : *what.where.pairs) {
      out["pairs"].push_back({end_json(pair.query), end_json(pair.key)});
    }
  }
  for (const auto& [key, choice] :
       {std::pair{"apply", &what.where.apply}, std::pair{"keys", &what.where.keys}}) {
    if (!choice->everything()) {
      out[key] = to_json(*choice);
    }
  }
  if (what.when) {
    out["when"] = to_json(*what.when);
  }
  if (what.schedule) {
    out["strength"] = to_json(*what.schedule);
  } else if (what.op == Op::bias) {
    out["bias"] = what.factor;
  } else if (what.op == Op::temperature) {
    out["temperature"] = what.factor;
  } else if (what.op == Op::scale || what.op == Op::renormalize || what.op == Op::calibrate_sinks ||
             (what.op == Op::add && what.factor != 1.0)) {
    out["factor"] = what.factor;
  }
  if (what.op == Op::top_k) {
    out["k"] = what.k;
  } else if (what.op == Op::calibrate_sinks) {
    out["threshold"] = what.threshold;
  }
  if (what.sae) {
    out["sae"] = what.sae->folder.string();
    out["do"] = to_string(what.sae->act);
    if (!what.sae->features.empty()) {
      out["features"] = what.sae->features;
    }
    if (!what.sae->value.empty()) {
      out["value"] = sae_value_json(what.sae->value);
    }
    out["error_term"] = what.sae->error_term;
  }
  put(out, "low", what.low);
  put(out, "high", what.high);
  if (!what.values.empty()) {
    out["values"] = values_json(what.values);
  }
  return out;
}

}  // namespace

OrderedJson to_json(const std::vector<Intervention>& interventions) {
  OrderedJson list = OrderedJson::array();
  for (const Intervention& what : interventions) {
    list.push_back(intervention_json(what));
  }
  return {{"version", kInterventionsVersion}, {"interventions", list}};
}

std::vector<Intervention> interventions_from_json(const Json& json,
                                                  const std::string& where,
                                                  const std::filesystem::path& folder) {
  InterventionFields fields(json, where);
  const Json* version = fields.find("version");
  const Json* list = fields.find("interventions");
  const Json* edits = fields.find("edits");  // the same by a shorter name
  fields.refuse_others();
  if (version == nullptr || *version != kInterventionsVersion) {
    throw DataError(
        "{}: \"version\" is not {}, the one this headscope reads", where, kInterventionsVersion);
  }
  if (list != nullptr && edits != nullptr) {
    throw DataError("{}: \"interventions\" and \"edits\" are the same; give one", where);
  }
  list = list == nullptr ? edits : list;
  if (list == nullptr || !list->is_array()) {
    throw DataError("{}: \"interventions\" is not a list", where);
  }
  std::vector<Intervention> interventions;
  for (std::size_t i = 0; i < list->size(); ++i) {
    interventions.push_back(
        intervention_from((*list)[i], fmt::format("{}: intervention {}", where, i), folder));
  }
  return interventions;
}

std::vector<Intervention> read_interventions(const std::filesystem::path& path) {
  return interventions_from_json(read_json(path), path.string(), path.parent_path());
}

}  // namespace headscope
