// The schema of documents of interventions, compiled in.
#pragma once

#include <string_view>

namespace headscope {

// data/interventions.schema.json, byte for byte.
std::string_view interventions_schema();

}  // namespace headscope
