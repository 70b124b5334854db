// The tests after `is`, as Jinja defines them.
#pragma once

#include <string>

#include "lib/chat/meter.h"
#include "lib/chat/value.h"

namespace headscope::jinja {

bool is_test(const std::string& name);

// value is name(arguments). Fault for a test headscope's Jinja does not know.
bool call_test(Meter& meter,
               const std::string& name,
               const Value& value,
               const Arguments& arguments);

}  // namespace headscope::jinja
