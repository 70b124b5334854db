// What Python's str() and repr() print.
#pragma once

#include <string>

#include "lib/chat/value.h"

namespace headscope::jinja {

// str(): a str itself, "" for undefined, else repr(). Fault for what Python prints by its address.
std::string to_text(const Value& value);
std::string repr(const Value& value);

// The shortest digits that give the float back, as Python writes them: "1.0", "1e+16", "inf".
std::string float_text(double value);

}  // namespace headscope::jinja
