// What an op of interventions asks, before any pass.
#pragma once

#include "hooks/intervention.h"
#include "hooks/stored_values.h"

namespace headscope {

// Of its numbers, whatever the model. Throws UsageError naming the site and the op.
void check_op(const Intervention& what);

// Of the point it changes. Throws UsageError naming both.
void check_op_at(const Intervention& what, HookPoint point);

// Of the values it brings: throws UsageError naming the point and both shapes if they do not
// broadcast to what the model has there. Axes whose size the input decides take any.
void check_values_fit(const Intervention& what,
                      HookPoint point,
                      const ResolvedValues& stored,
                      const ModelConfig& config);

}  // namespace headscope
