// A template's source to its syntax tree.
#pragma once

#include <string_view>

#include "lib/chat/syntax.h"

namespace headscope::jinja {

// `most_nested`: of blocks, and of expressions, in one another. Throws SyntaxFault for what is
// malformed, and for the tags headscope's Jinja does not have, naming them.
Block parse_template(std::string_view source, int most_nested);

}  // namespace headscope::jinja
