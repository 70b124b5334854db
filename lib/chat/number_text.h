// Numbers written as text, read as Python's int() and float() do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lib/chat/value.h"

namespace headscope::jinja {

// Nothing for what Python refuses; Fault for what it reads and headscope does not: integers beyond
// 64 bits, digits that are not ASCII, "inf" and "nan".
std::optional<std::int64_t> parse_integer(const std::string& text);
std::optional<double> parse_float(const std::string& text);

// int() of a float. Fault if it has none or does not fit.
std::int64_t whole_part(double value);

}  // namespace headscope::jinja
