#include "cli/api/body_fields.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "cli/http/http_error.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/suggest.h"

namespace headscope {
namespace {

bool is_signed_integer(const Json& json) {
  return json.is_number_integer() &&
         (!json.is_number_unsigned() ||
          json.get<std::uint64_t>() <=
              static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
}

}  // namespace

BodyFields::BodyFields(const Json& json, std::string where)
    : json_(json), where_(std::move(where)) {
  if (!json.is_object()) {
    throw HttpError(400, where_ + "not a JSON object");
  }
}

const Json* BodyFields::find(const std::string& key) {
  known_.push_back(key);
  const auto found = json_.find(key);
  return found == json_.end() || found->is_null() ? nullptr : &*found;
}

std::optional<std::string> BodyFields::text(const std::string& key) {
  const Json* value = find(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!value->is_string()) {
    fail(key, "a text");
  }
  return value->get<std::string>();
}

std::optional<bool> BodyFields::flag(const std::string& key) {
  const Json* value = find(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!value->is_boolean()) {
    fail(key, "true or false");
  }
  return value->get<bool>();
}

std::optional<double> BodyFields::number(const std::string& key, Range range) {
  const Json* value = find(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!value->is_number() || !(value->get<double>() >= range.low) ||
      !(value->get<double>() <= range.high)) {
    fail(key, fmt::format("a number from {} to {}", range.low, range.high));
  }
  return value->get<double>();
}

std::optional<std::int64_t> BodyFields::integer(const std::string& key, IntegerRange range) {
  const Json* value = find(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!is_signed_integer(*value) || value->get<std::int64_t>() < range.low ||
      value->get<std::int64_t>() > range.high) {
    fail(key, fmt::format("a whole number from {} to {}", range.low, range.high));
  }
  return value->get<std::int64_t>();
}

std::optional<std::vector<std::int64_t>> BodyFields::integers(const std::string& key,
                                                              std::size_t most) {
  const Json* value = find(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!value->is_array() || value->empty() || value->size() > most ||
      !std::all_of(value->begin(), value->end(), is_signed_integer)) {
    fail(key, fmt::format("a list of 1 to {} whole numbers", most));
  }
  return value->get<std::vector<std::int64_t>>();
}

std::vector<std::string> BodyFields::texts(const std::string& key, std::size_t most) {
  const Json* value = find(key);
  if (value == nullptr) {
    return {};
  }
  if (value->is_string()) {
    return {value->get<std::string>()};
  }
  if (!value->is_array() || value->size() > most ||
      !std::all_of(
          value->begin(), value->end(), [](const Json& each) { return each.is_string(); })) {
    fail(key, fmt::format("a text or a list of at most {}", most));
  }
  return value->get<std::vector<std::string>>();
}

void BodyFields::refuse(const std::string& key,
                        const std::string& harmless_json,
                        const std::string& why) {
  const Json* value = find(key);
  if (value != nullptr && *value != Json::parse(harmless_json)) {
    throw HttpError(
        400, fmt::format("{}\"{}\": {}", where_, key, why), "unsupported_parameter", key);
  }
}

void BodyFields::refuse_others() const {
  for (const auto& [key, value] : json_.items()) {
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
      throw HttpError(400,
                      fmt::format("{}unknown key \"{}\"{}", where_, key, did_you_mean(key, known_)),
                      "unknown_parameter",
                      key);
    }
  }
}

void BodyFields::fail(const std::string& key, const std::string& wanted) const {
  throw HttpError(
      400, fmt::format("{}\"{}\" is not {}", where_, key, wanted), "invalid_parameter", key);
}

void BodyFields::missing(const std::string& key) const {
  throw HttpError(
      400, fmt::format("{}\"{}\" is missing", where_, key), "missing_required_parameter", key);
}

void BodyFields::useless(const std::string& key, const std::string& why) const {
  throw HttpError(400, fmt::format("{}\"{}\": {}", where_, key, why), "invalid_parameter", key);
}

Json body_object(const std::string& body) {
  Json json;
  try {
    json = parse_json(body, "the body");
  } catch (const DataError& error) {
    throw HttpError(400, error.what(), "malformed_json");
  }
  if (!json.is_object()) {
    throw HttpError(400, "the body is not a JSON object", "malformed_json");
  }
  return json;
}

}  // namespace headscope
