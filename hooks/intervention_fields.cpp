#include "hooks/intervention_fields.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/suggest.h"

namespace headscope {

bool is_position(const Json& json) {
  return json.is_number_integer() &&
         (!json.is_number_unsigned() ||
          json.get<std::uint64_t>() <=
              static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
}

bool is_f32(double number) {
  return std::abs(number) <= static_cast<double>(std::numeric_limits<float>::max());
}

InterventionFields::InterventionFields(const Json& json, std::string where)
    : json_(json), where_(std::move(where)) {
  if (!json.is_object()) {
    throw DataError("{}: not a JSON object", where_);
  }
}

const Json* InterventionFields::find(const std::string& key) {
  known_.push_back(key);
  const auto found = json_.find(key);
  return found == json_.end() ? nullptr : &*found;
}

std::optional<std::string> InterventionFields::text(const std::string& key) {
  const Json* value = find(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!value->is_string() || value->get<std::string>().empty()) {
    fail(key, "a text");
  }
  return value->get<std::string>();
}

std::optional<double> InterventionFields::number(const std::string& key) {
  const Json* value = find(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!value->is_number()) {
    fail(key, "a number");
  }
  if (!is_f32(value->get<double>())) {
    fail(key, kOfF32);
  }
  return value->get<double>();
}

std::optional<std::int64_t> InterventionFields::integer(const std::string& key) {
  const Json* value = find(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!is_position(*value)) {
    fail(key, "a whole number");
  }
  return value->get<std::int64_t>();
}

std::optional<std::vector<std::int64_t>> InterventionFields::integers(const std::string& key) {
  const Json* value = find(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  const bool fits = value->is_array() && !value->empty() &&
                    std::all_of(value->begin(), value->end(), is_position);
  if (!fits) {
    fail(key, "a list of whole numbers, for example [0, 3]");
  }
  return value->get<std::vector<std::int64_t>>();
}

void InterventionFields::refuse_others() const {
  for (const auto& [key, value] : json_.items()) {
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
      throw DataError("{}: unknown key \"{}\"{}", where_, key, did_you_mean(key, known_));
    }
  }
}

void InterventionFields::fail(const std::string& key, const std::string& wanted) const {
  throw DataError("{}: \"{}\" is not {}", where_, key, wanted);
}

}  // namespace headscope
