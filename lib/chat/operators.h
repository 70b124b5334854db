// Python's operators on values. Fault where Python raises, or where headscope's integers end.
#pragma once

#include <string_view>

#include "lib/chat/meter.h"
#include "lib/chat/syntax.h"
#include "lib/chat/value.h"

namespace headscope::jinja {

// add to power of `Op`.
Value arithmetic(Meter& meter, Op op, const Value& a, const Value& b);

Value signed_value(Op op, const Value& value);  // negate, plus

// "==", "<", "in", "not in" and the like.
bool compare(Meter& meter, std::string_view word, const Value& a, const Value& b);

// What is undefined is a fault, for its reason.
void require_defined(const Value& value);

}  // namespace headscope::jinja
