// What a recording is asked for: values and, by names that end in _grad, gradients.
#pragma once

#include <string>
#include <vector>

#include "lib/model/site.h"

namespace headscope {

struct RecordedPoints {
  std::vector<HookPoint> values;
  std::vector<HookPoint> gradients;  // "blocks.3.attn.hook_z_grad"
};

// Names, aliases and globs (hooks/address.h). A glob that ends in _grad leaves out points that have
// no gradient (token and expert numbers) and those of which each head has a stream of its own
// (hook_attn_in, hook_q_input, …). Throws as resolve_hooks does.
RecordedPoints recorded_points(const std::vector<std::string>& patterns, const ModelConfig& config);

}  // namespace headscope
