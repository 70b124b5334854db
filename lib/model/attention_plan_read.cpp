// A plan's document (data/ATTENTION_PLAN.md), read and checked.
#include <set>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/model/attention_plan.h"
#include "lib/model/model.h"

namespace headscope {
namespace {

constexpr std::string_view kPlanFormat = "headscope-attention-plan";
constexpr std::int64_t kPlanVersion = 1;

void refuse_unknown_keys(const Json& json,
                         const std::set<std::string>& known,
                         const std::string& where) {
  for (const auto& [key, value] : json.items()) {
    if (!known.contains(key)) {
      throw DataError("{}: there is no \"{}\" here", where, key);
    }
  }
}

void check_plan_head(const Json& json, const std::string& file) {
  if (!json.is_object() || json.value("format", Json()) != kPlanFormat) {
    throw DataError("{}: not an attention plan: \"format\" is not \"{}\"", file, kPlanFormat);
  }
  if (json.value("version", Json()) != kPlanVersion) {
    throw DataError("{}: version {} of attention plans, but this headscope reads {}",
                    file,
                    json.value("version", Json()).dump(),
                    kPlanVersion);
  }
  refuse_unknown_keys(json, {"format", "version", "model", "operators", "made"}, file);
}

// "model" says what the plan was made for: what it says must be so.
void check_plan_model(const Json& said, const Model& model, const std::string& file) {
  if (said.is_null()) {
    return;
  }
  if (!said.is_object()) {
    throw DataError("{}: \"model\" is not {{\"name\": …, \"n_layers\": …, …}}", file);
  }
  const ModelConfig& c = model.config();
  const Json here{{"name", model.source().name},
                  {"n_layers", c.n_layers},
                  {"n_heads", c.n_heads},
                  {"n_kv_heads", c.n_kv_heads},
                  {"weights_hash", model.source().weights_hash}};
  refuse_unknown_keys(
      said, {"name", "n_layers", "n_heads", "n_kv_heads", "weights_hash"}, file + ": model");
  for (const auto& [key, value] : said.items()) {
    if (key != "name" && value != here.at(key)) {  // names are paths, which differ between machines
      throw DataError("{}: a plan of another model ({}): {} is {} there and {} here",
                      file,
                      said.value("name", Json("unnamed")).dump(),
                      key,
                      value.dump(),
                      here.at(key).dump());
    }
  }
}

// "all", a number, or a list of numbers, each in [0, end).
std::vector<std::int64_t> numbers_of(const Json& json,
                                     const char* key,
                                     std::int64_t end,
                                     const std::string& where) {
  std::vector<std::int64_t> numbers;
  if (json == "all") {
    for (std::int64_t i = 0; i < end; ++i) {
      numbers.push_back(i);
    }
    return numbers;
  }
  const Json list = json.is_array() ? json : Json::array({json});
  for (const Json& each : list) {
    if (!each.is_number_integer() || each.get<std::int64_t>() < 0 ||
        each.get<std::int64_t>() >= end) {
      throw DataError("{}: \"{}\" has {}; it is \"all\", or numbers from 0 to {}",
                      where,
                      key,
                      each.dump(),
                      end - 1);
    }
    numbers.push_back(each.get<std::int64_t>());
  }
  return numbers;
}

std::vector<HeadId> heads_of(const Json& part, const ModelConfig& c, const std::string& where) {
  const bool by_kv = part.contains("kv_heads");
  if (!part.contains("layers") || part.contains("heads") == by_kv) {
    throw DataError("{}: needs \"layers\", and either \"heads\" or \"kv_heads\"", where);
  }
  const char* key = by_kv ? "kv_heads" : "heads";
  const std::int64_t group = by_kv ? c.heads_per_kv() : 1;
  std::vector<HeadId> heads;
  for (const std::int64_t layer : numbers_of(part["layers"], "layers", c.n_layers, where)) {
    for (const std::int64_t head : numbers_of(part[key], key, c.n_heads / group, where)) {
      for (std::int64_t i = 0; i < group; ++i) {
        heads.push_back({layer, head * group + i});
      }
    }
  }
  return heads;
}

OperatorChoice choice_of(const Json& part, const std::string& where) {
  if (!part.contains("operator") || !part["operator"].is_string()) {
    throw DataError("{}: needs \"operator\", a name of `headscope operator list`", where);
  }
  std::vector<std::pair<std::string, double>> given;
  for (const auto& [key, value] : part.items()) {
    if (key == "operator" || key == "layers" || key == "heads" || key == "kv_heads") {
      continue;
    }
    if (!value.is_number()) {
      throw DataError("{}: \"{}\" is {}, not a number", where, key, value.dump());
    }
    given.emplace_back(key, value.get<double>());
  }
  return operator_choice(find_operator(part["operator"].get<std::string>()), given);
}

AttentionPlan::Part part_of(const Json& part, const ModelConfig& c, const std::string& where) {
  if (!part.is_object()) {
    throw DataError("{}: not an object", where);
  }
  return {choice_of(part, where), heads_of(part, c, where)};
}

}  // namespace

std::shared_ptr<const AttentionPlan> read_attention_plan(const std::filesystem::path& file,
                                                         const Model& model) {
  const std::string name = file.string();
  const Json json = read_json(file);
  check_plan_head(json, name);
  check_plan_model(json.value("model", Json()), model, name);
  if (!json.contains("operators") || !json["operators"].is_array()) {
    throw DataError("{}: needs \"operators\", a list", name);
  }
  try {
    std::vector<AttentionPlan::Part> parts;
    for (const Json& part : json["operators"]) {
      parts.push_back(
          part_of(part, model.config(), fmt::format("{}: operator {}", name, parts.size() + 1)));
    }
    auto plan = std::make_shared<AttentionPlan>(std::move(parts), model.config());
    plan->file = name;
    return plan;
  } catch (const UsageError& error) {
    throw DataError("{}: {}", name, error.what());
  }
}

}  // namespace headscope
