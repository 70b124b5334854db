#include "hooks/intervention_json.h"

#include "hooks/apply_json.h"
#include "hooks/intervention_fields.h"
#include "hooks/intervention_sae_json.h"
#include "hooks/intervention_values_json.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

constexpr int kInterventionsVersion = 1;

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

// The number of an op that has one, by its own name or as "value".
std::optional<double> one_number(InterventionFields& fields, const char* key) {
  const auto number = fields.number(key);
  const auto value = fields.number("value");
  if (number && value) {
    throw DataError("{}: \"{}\" and \"value\" are the same; give one", fields.where(), key);
  }
  return number ? number : value;
}

double needed(InterventionFields& fields, Op op, const char* key) {
  const auto number = op == Op::temperature ? one_number(fields, key) : fields.number(key);
  if (!number) {
    throw DataError("{}: op \"{}\" needs \"{}\"", fields.where(), to_string(op), key);
  }
  return *number;
}

bool takes_values(Op op) {
  return op == Op::mean || op == Op::resample || op == Op::add || op == Op::replace ||
         op == Op::project_out || op == Op::low_rank || op == Op::set_row;
}

// "factor" under the name it has for the op, or as "value" or "strength"; another op takes none.
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
  // Beside the values of op add, "value" could be meant for either.
  const auto factor = what.op == Op::add ? fields.number(name) : one_number(fields, name);
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

void read_site_and_op(InterventionFields& fields, Intervention& what) {
  const auto site = fields.text("site");
  const auto op = fields.text("op");
  if (!site || !op) {
    throw DataError("{}: needs \"{}\"", fields.where(), site ? "op" : "site");
  }
  what.site = *site;
  try {
    what.op = parse_op(*op);
  } catch (const DataError& error) {
    throw DataError("{}: {}", fields.where(), error.what());
  }
}

void read_selection(InterventionFields& fields, Selection& where) {
  where.heads = fields.integers("heads");
  where.kv_heads = fields.integers("kv_heads");
  where.positions = fields.integers("positions");
  where.prompts = fields.integers("prompts");
  where.pairs = pairs_from(fields);
  where.apply = token_choice_from(fields, "apply");
  where.keys = token_choice_from(fields, "keys");
  if (where.positions && !where.apply.everything()) {
    throw DataError("{}: \"positions\" beside \"apply\"; write them as its \"positions\"",
                    fields.where());
  }
}

// What but the strength an op takes.
void read_operands(InterventionFields& fields,
                   Intervention& what,
                   const std::filesystem::path& folder) {
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
      what.values = values_from(*values, fields.where(), folder);
    }
  }
}

Intervention intervention_from(const Json& json,
                               const std::string& where,
                               const std::filesystem::path& folder) {
  InterventionFields fields(json, where);
  Intervention what;
  read_site_and_op(fields, what);
  what.layers = fields.integers("layers");
  read_selection(fields, what.where);
  what.when = condition_from(fields);
  read_strength(fields, what);
  read_operands(fields, what, folder);
  fields.refuse_others();
  return what;
}

template <typename Value>
void put(OrderedJson& out, const char* key, const std::optional<Value>& value) {
  if (value) {
    out[key] = *value;
  }
}

OrderedJson end_json(const std::optional<std::int64_t>& end) {
  return end ? OrderedJson(*end) : OrderedJson(nullptr);
}

OrderedJson pairs_json(const std::vector<AttentionPair>& pairs) {
  OrderedJson list = OrderedJson::array();
  for (const AttentionPair& pair : pairs) {
    list.push_back({end_json(pair.query), end_json(pair.key)});
  }
  return list;
}

void put_selection(OrderedJson& out, const Selection& where) {
  put(out, "heads", where.heads);
  put(out, "kv_heads", where.kv_heads);
  put(out, "positions", where.positions);
  put(out, "prompts", where.prompts);
  if (where.pairs) {
    out["pairs"] = pairs_json(*where.pairs);
  }
  for (const auto& [key, choice] : {std::pair{"apply", &where.apply}, {"keys", &where.keys}}) {
    if (!choice->everything()) {
      out[key] = to_json(*choice);
    }
  }
}

// As read_strength() takes it.
void put_strength(OrderedJson& out, const Intervention& what) {
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
}

OrderedJson intervention_json(const Intervention& what) {
  OrderedJson out{{"site", what.site}, {"op", to_string(what.op)}};
  put(out, "layers", what.layers);
  put_selection(out, what.where);
  if (what.when) {
    out["when"] = to_json(*what.when);
  }
  put_strength(out, what);
  if (what.op == Op::top_k) {
    out["k"] = what.k;
  } else if (what.op == Op::calibrate_sinks) {
    out["threshold"] = what.threshold;
  }
  if (what.sae) {
    put_sae(out, *what.sae);
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
