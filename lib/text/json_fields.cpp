#include "lib/text/json_fields.h"

#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

constexpr std::int64_t kIdLimit = 1 << 24;

}  // namespace

const Json& optional_field(const Json& object, const char* name, const std::string& where) {
  static const Json null;
  if (!object.is_object()) {
    throw DataError("{}: an object is expected where '{}' is looked for", where, name);
  }
  const auto found = object.find(name);
  return found == object.end() ? null : *found;
}

const Json& field(const Json& object, const char* name, const std::string& where) {
  const Json& value = optional_field(object, name, where);
  if (value.is_null()) {
    throw DataError("{}: the field '{}' is missing", where, name);
  }
  return value;
}

std::string string_field(const Json& object, const char* name, const std::string& where) {
  const Json& value = field(object, name, where);
  if (!value.is_string()) {
    throw DataError("{}: the field '{}' must be a string, not {}", where, name, value.type_name());
  }
  return value.get<std::string>();
}

bool bool_field(const Json& object, const char* name, const std::string& where) {
  const Json& value = field(object, name, where);
  if (!value.is_boolean()) {
    throw DataError("{}: the field '{}' must be true or false", where, name);
  }
  return value.get<bool>();
}

bool bool_field_or(const Json& object, const char* name, bool otherwise, const std::string& where) {
  return optional_field(object, name, where).is_null() ? otherwise
                                                       : bool_field(object, name, where);
}

const Json& array_field(const Json& object, const char* name, const std::string& where) {
  const Json& value = field(object, name, where);
  if (!value.is_array()) {
    throw DataError("{}: the field '{}' must be an array", where, name);
  }
  return value;
}

std::optional<std::string> optional_string(const Json& object,
                                           const char* name,
                                           const std::string& where) {
  if (optional_field(object, name, where).is_null()) {
    return std::nullopt;
  }
  return string_field(object, name, where);
}

std::int32_t token_id(const Json& value, const std::string& where) {
  if (!value.is_number_integer() || value.get<std::int64_t>() < 0 ||
      value.get<std::int64_t>() >= kIdLimit) {
    throw DataError(
        "{}: {} is no token id", where, value.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  return value.get<std::int32_t>();
}

}  // namespace headscope
