// What hook points are at the last token of texts: what steering methods learn from.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lib/model/model.h"

namespace headscope {

// Each point's values at the last token of each text, [N, …] f32 on the CPU, … the point's trailing
// axes ([n_heads, d_head] of hook_z), by the point's name. The points' values begin with axes for
// batch and position; others are a UsageError.
std::map<std::string, Tensor> last_token_values(const Model& model,
                                                const std::vector<std::vector<std::int32_t>>& texts,
                                                const std::vector<HookPoint>& points,
                                                std::int64_t batch_tokens = 2048);

// hook_z of every layer, in order.
std::vector<HookPoint> head_outputs_of(const Model& model);

}  // namespace headscope
