#include "analyses/steering/edit_taps.h"

#include "analyses/steering/applied.h"
#include "hooks/intervention_tap.h"

namespace headscope {

TapMaker taps_of(const Model& model,
                 const std::vector<Intervention>& edits,
                 const NamedValues& named) {
  std::vector<EditStep> steps;
  for (const Intervention& edit : edits) {
    steps.push_back({edit});
  }
  const auto plan = std::make_shared<const InterventionPlan>(
      std::move(steps), named, model.config(), model.source().weights_hash);
  return [plan] { return std::make_unique<InterventionTap>(plan); };
}

TapMaker taps_of(const Model& model,
                 const SteeringDirection& direction,
                 const std::vector<Intervention>& edits) {
  NamedValues named;
  for (const SteeringDirection::Point& point : direction.points) {
    named[point.name] = point.values;
  }
  std::vector<Intervention> here = edits;
  for (Intervention& edit : here) {
    if (edit.values == own_values()) {
      edit.values = InterventionValues();
      edit.values.name = edit.site;
    }
  }
  return taps_of(model, here, named);
}

}  // namespace headscope
