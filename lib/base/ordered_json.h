// JSON whose objects keep the order of their keys: for what is passed on as it was written, such as
// the messages and tools of a chat. Everything else reads lib/base/json.h.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/json_fwd.h"

namespace headscope {

// As parse_json, in the order written.
OrderedJson parse_ordered_json(std::string_view text, const std::string& where);

// What JSON can hold of a number: null for NaN and the infinities.
OrderedJson finite_or_null(double value);

}  // namespace headscope
