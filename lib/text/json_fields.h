// Typed access to the fields of tokenizer.json, with errors that name them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lib/base/json_fwd.h"

namespace headscope {

// Each throws DataError, opened by `where`, if `object` is no object, or the field is missing or of
// another type.
const Json& field(const Json& object, const char* name, const std::string& where);
std::string string_field(const Json& object, const char* name, const std::string& where);
bool bool_field(const Json& object, const char* name, const std::string& where);
const Json& array_field(const Json& object, const char* name, const std::string& where);

// A missing or null field gives `otherwise`; one of another type is still an error.
bool bool_field_or(const Json& object, const char* name, bool otherwise, const std::string& where);

// The field, or null if it is missing.
const Json& optional_field(const Json& object, const char* name, const std::string& where);
std::optional<std::string> optional_string(const Json& object,
                                           const char* name,
                                           const std::string& where);

// A token id: an integer in [0, 2^24). More would make a mutated file allocate gigabytes.
std::int32_t token_id(const Json& value, const std::string& where);

}  // namespace headscope
