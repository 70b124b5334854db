// Which names begin as undefined in a scope. Jinja compiles a template to functions whose variables
// it finds beforehand: a name that a scope sets, that nothing in it reads before and that no scope
// around it knows is a variable of that scope from its begin, and hides one of the same name that
// the template was given.
#pragma once

#include "lib/chat/syntax.h"

namespace headscope::jinja {

// Fills Block::unset of every scope in the template. Throws SyntaxFault for a filter or test that
// headscope's Jinja does not know, unless a condition decides whether it runs (then it is a fault
// when it does), and for what sets `loop` inside of a loop.
void resolve_scopes(Block& whole);

}  // namespace headscope::jinja
