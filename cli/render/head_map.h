// A picture of one number a head.
#pragma once

#include "cli/render/heat_map.h"
#include "lib/base/head_scores.h"

namespace headscope {

// Layers down, heads across, both by number. Title, value_name and colours are the caller's.
HeatMap head_map(const HeadScores& scores);

}  // namespace headscope
