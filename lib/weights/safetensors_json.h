// JSON as the headers of safetensors need it read: a name given twice is an error, not the last
// one.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/json_fwd.h"

namespace headscope {

// Parses `text`, an object at most 8 levels deep. Throws DataError whose message `where` opens.
Json parse_safetensors_json(std::string_view text, const std::string& where);

}  // namespace headscope
