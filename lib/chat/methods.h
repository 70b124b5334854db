// The methods of Python's types that templates call.
#pragma once

#include <optional>
#include <string>

#include "lib/chat/meter.h"
#include "lib/chat/value.h"

namespace headscope::jinja {

// `name` of `value`, ready to be called; nothing if Python's type has no attribute of that name.
// Fault if it has one that headscope's Jinja does not know.
std::optional<Value> method(Meter& meter, const Value& value, const std::string& name);

// str's methods (text_methods.cpp), by the same rules.
std::optional<Value> text_method(Meter& meter, const Text& text, const std::string& name);

}  // namespace headscope::jinja
