// Interventions as what changes passes, without a file of them.
#pragma once

#include <memory>
#include <vector>

#include "analyses/steering/contrast.h"
#include "hooks/direction.h"
#include "hooks/intervention_plan.h"

namespace headscope {

// A tap a pass. Throws what InterventionPlan does.
TapMaker taps_of(const Model& model,
                 const std::vector<Intervention>& edits,
                 const NamedValues& named = {});

// The edits of a direction that no folder holds yet: those with own_values() take its values.
TapMaker taps_of(const Model& model,
                 const SteeringDirection& direction,
                 const std::vector<Intervention>& edits);

}  // namespace headscope
