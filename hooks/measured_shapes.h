// The shapes that hook points really have.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/model/model.h"

namespace headscope {

struct MeasuredShape {
  HookPoint point;
  std::vector<std::int64_t> shape;
};

// Runs `tokens` with every hook point watched, keeping no values. Throws InternalError naming a
// point that did not fire, or whose shape is not what the table of hook points says.
std::vector<MeasuredShape> measure_shapes(const Model& model,
                                          const std::vector<std::int32_t>& tokens);

}  // namespace headscope
