// "values" of an intervention: numbers, or where they are.
#pragma once

#include <filesystem>
#include <string>

#include "hooks/intervention.h"
#include "lib/base/json_fwd.h"

namespace headscope {

// Paths count from `folder`. Throws DataError that begins with `where`.
InterventionValues values_from(const nlohmann::json& json,
                               const std::string& where,
                               const std::filesystem::path& folder);

nlohmann::ordered_json values_json(const InterventionValues& values);

}  // namespace headscope
