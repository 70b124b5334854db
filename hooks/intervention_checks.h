// What an op of interventions asks, before any pass.
#pragma once

#include "hooks/intervention.h"

namespace headscope {

// Of its numbers, whatever the model. Throws UsageError naming the site and the op.
void check_op(const Intervention& what);

// Of the point it changes. Throws UsageError naming both.
void check_op_at(const Intervention& what, HookPoint point);

}  // namespace headscope
