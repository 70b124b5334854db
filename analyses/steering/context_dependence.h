// How much heads' outputs depend on a part of the prompt.
#pragma once

#include <string>

#include "analyses/steering/steer_data.h"
#include "lib/base/head_scores.h"
#include "lib/model/model.h"

namespace headscope {

// At the last token, means over the items. Without: the span's tokens are taken out of the prompt.
struct ContextDependence {
  HeadScores change;   // ‖z − z without‖
  HeadScores without;  // ‖z without‖²
};

// Throws UsageError for an item whose prompt has no such span, or nothing but it.
ContextDependence context_dependence(const Model& model,
                                     const SteerData& data,
                                     const std::string& span);

// VHR's choice in one layer: heads whose change lies above the layer's median, where a head whose
// change and whose output without the span both exceed mean + standard deviation counts as 0.
std::vector<HeadId> context_heads(const ContextDependence& dependence, std::int64_t layer);

}  // namespace headscope
