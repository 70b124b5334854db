// Texts made of others, whose size must be known to be bounded before they are made.
#pragma once

#include <string>
#include <string_view>

#include "lib/chat/meter.h"
#include "lib/chat/value.h"

namespace headscope::jinja {

// str.replace(), within the limits.
Value replaced(Meter& meter,
               std::string_view text,
               std::string_view old,
               std::string_view with,
               std::int64_t most);

// str.format() with "{}", "{0}", "{name}", "{{" and "}}". Fault for format specifications,
// conversions and attributes.
std::string format_text(Meter& meter, std::string_view format, const Arguments& arguments);

}  // namespace headscope::jinja
