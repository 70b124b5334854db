#include "lib/attention/operators/operator_choice.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/named.h"

namespace headscope {
namespace {

using Given = std::pair<std::string, double>;

// "64", "0.5"
std::string shortest(double value) {
  const bool whole = value == std::floor(value) && std::abs(value) < 1e15;
  return whole ? fmt::format("{}", static_cast<std::int64_t>(value)) : fmt::format("{}", value);
}

std::string parameter_names(const AttentionOperator& kind) {
  std::vector<std::string_view> names;
  for (const OperatorParameter& each : kind.parameters) {
    names.push_back(each.name);
  }
  return names.empty() ? "it has none" : fmt::format("it has {}", fmt::join(names, ", "));
}

void check_names(const AttentionOperator& kind, const std::vector<Given>& given) {
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto same = [&](const Given& other) { return other.first == given[i].first; };
    const auto known = [&](const OperatorParameter& each) { return each.name == given[i].first; };
    if (std::none_of(kind.parameters.begin(), kind.parameters.end(), known)) {
      throw UsageError(
          "operator {}: no parameter \"{}\"; {}", kind.name, given[i].first, parameter_names(kind));
    }
    if (std::count_if(given.begin(), given.end(), same) > 1) {
      throw UsageError("operator {}: {} is given twice", kind.name, given[i].first);
    }
  }
}

constexpr std::int64_t kMostCount = 0x7fffffff;  // so that products of two are numbers

double checked_value(const AttentionOperator& kind, const OperatorParameter& of, double value) {
  const bool counts = of.kind == OperatorParameter::Kind::count;
  if (counts && (value != std::floor(value) || std::abs(value) > kMostCount)) {
    throw UsageError("operator {}: {} is {}, not a whole number of at most {}",
                     kind.name,
                     of.name,
                     value,
                     kMostCount);
  }
  if (!(value >= of.least) || !(value <= of.most)) {
    throw UsageError("operator {}: {} is {}, but it is at least {}{} ({})",
                     kind.name,
                     of.name,
                     shortest(value),
                     shortest(of.least),
                     std::isinf(of.most) ? "" : " and at most " + shortest(of.most),
                     of.meaning);
  }
  return value;
}

double number_of(const AttentionOperator& kind, std::string_view name, std::string_view text) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    throw UsageError("operator {}: {} is \"{}\", not a number", kind.name, name, text);
  }
  return value;
}

}  // namespace

const AttentionOperator& find_operator(std::string_view name) {
  return find_named(all_operators(), name, fmt::format("\"{}\" is no operator of attention", name));
}

OperatorChoice operator_choice(const AttentionOperator& kind, const std::vector<Given>& given) {
  check_names(kind, given);
  std::vector<Given> values;
  for (const OperatorParameter& each : kind.parameters) {
    const auto found = std::find_if(
        given.begin(), given.end(), [&](const Given& one) { return one.first == each.name; });
    if (found == given.end() && !each.otherwise) {
      throw UsageError("operator {} needs {} ({}): {}:{}=…",
                       kind.name,
                       each.name,
                       each.meaning,
                       kind.name,
                       each.name);
    }
    const double value = found == given.end() ? *each.otherwise : found->second;
    values.emplace_back(each.name, checked_value(kind, each, value));
  }
  OperatorChoice choice{&kind, OperatorValues(std::move(values))};
  if (kind.check != nullptr) {
    kind.check(choice.values);
  }
  return choice;
}

OperatorChoice parse_operator(std::string_view text) {
  const std::size_t colon = text.find(':');
  const AttentionOperator& kind = find_operator(text.substr(0, colon));
  std::string_view rest = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  std::vector<Given> given;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    const std::size_t equals = one.find('=');
    if (equals == std::string_view::npos) {
      throw UsageError(
          "operator {}: \"{}\" is not NAME=NUMBER; {}", kind.name, one, parameter_names(kind));
    }
    const std::string_view name = one.substr(0, equals);
    given.emplace_back(name, number_of(kind, name, one.substr(equals + 1)));
  }
  return operator_choice(kind, given);
}

std::string to_string(const OperatorChoice& choice) {
  std::string text(choice.kind->name);
  for (const auto& [name, value] : choice.values.all()) {
    text += (text.size() == choice.kind->name.size() ? ":" : ",") + name + "=" + shortest(value);
  }
  return text;
}

Json to_json(const OperatorChoice& choice) {
  Json json{{"operator", choice.kind->name}};
  for (const auto& [name, value] : choice.values.all()) {
    if (value == std::floor(value) && std::abs(value) < 1e15) {
      json[name] = static_cast<std::int64_t>(value);
    } else {
      json[name] = value;
    }
  }
  return json;
}

}  // namespace headscope
