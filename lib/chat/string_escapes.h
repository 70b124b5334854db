// The text between the quotes of a string, read as Python does.
#pragma once

#include <string>
#include <string_view>

namespace headscope::jinja {

// Throws SyntaxFault at `line` for an escape that Python refuses, or one by name (\N).
std::string unescaped(std::string_view text, int line);

}  // namespace headscope::jinja
