#include "analyses/operators/operator_grid.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

using Given = std::vector<std::pair<std::string, double>>;

std::vector<double> numbers_of(const std::string& name, const Json& value) {
  std::vector<double> numbers;
  for (const Json& each : value.is_array() ? value : Json::array({value})) {
    if (!each.is_number()) {
      throw UsageError("\"{}\" is {}, not a number or a list of numbers", name, value.dump());
    }
    numbers.push_back(each.get<double>());
  }
  if (numbers.empty()) {
    throw UsageError("\"{}\" is an empty list; give it a number", name);
  }
  return numbers;
}

// {"operator": "streaming", "sink": 4, "local": [16, 64]}
std::vector<OperatorChoice> combinations(const Json& entry) {
  if (!entry.contains("operator") || !entry["operator"].is_string()) {
    throw UsageError("\"operator\", the name of one, is missing");
  }
  const AttentionOperator& kind = find_operator(entry["operator"].get<std::string>());
  std::vector<Given> all{{}};
  for (const auto& [name, value] : entry.items()) {
    if (name == "operator") {
      continue;
    }
    std::vector<Given> more;
    const std::vector<double> numbers = numbers_of(name, value);
    for (const Given& so_far : all) {
      for (const double number : numbers) {
        more.push_back(so_far);
        more.back().emplace_back(name, number);
      }
    }
    all = std::move(more);
  }
  std::vector<OperatorChoice> choices;
  for (const Given& given : all) {
    choices.push_back(operator_choice(kind, given));
  }
  return choices;
}

std::vector<OperatorChoice> choices_of(const Json& entry) {
  if (entry.is_string()) {
    return {parse_operator(entry.get<std::string>())};
  }
  if (!entry.is_object()) {
    throw UsageError("it is neither \"NAME:parameter=number\" nor an object");
  }
  return combinations(entry);
}

const Json& entries_of(const Json& json, const std::string& where) {
  const auto is = [&](const char* key, const Json& value) {
    return json.is_object() && json.contains(key) && json[key] == value;
  };
  if (!is("format", "headscope-operator-grid") || !is("version", 1)) {
    throw DataError("{}: not {{\"format\": \"headscope-operator-grid\", \"version\": 1, …}}",
                    where);
  }
  for (const auto& [name, value] : json.items()) {
    if (name != "format" && name != "version" && name != "operators") {
      throw DataError("{}: no one knows the field \"{}\"; there is \"operators\"", where, name);
    }
  }
  if (!json.contains("operators") || !json["operators"].is_array() || json["operators"].empty()) {
    throw DataError("{}: \"operators\" is no list of operators", where);
  }
  return json["operators"];
}

}  // namespace

std::vector<OperatorChoice> read_operator_grid(const std::filesystem::path& file) {
  const Json json = read_json(file);
  std::vector<OperatorChoice> all;
  std::size_t number = 0;
  for (const Json& entry : entries_of(json, file.string())) {
    try {
      for (const OperatorChoice& choice : choices_of(entry)) {
        if (std::ranges::find(all, choice) != all.end()) {
          throw UsageError("{} comes twice", to_string(choice));
        }
        all.push_back(choice);
      }
    } catch (const UsageError& error) {
      throw DataError("{}: operators[{}]: {}", file.string(), number, error.what());
    }
    ++number;
  }
  return all;
}

std::string file_stem(const OperatorChoice& choice) {
  std::string stem;
  for (const char each : to_string(choice)) {
    if (each == ':' || each == ',') {
      stem += '-';
    } else if (each != '=') {
      stem += each;
    }
  }
  return stem;
}

}  // namespace headscope
