// A picture of a sweep over strengths: effect on the task above, what it costs below.
#pragma once

#include <string>
#include <vector>

#include "lib/base/json.h"

namespace headscope {

// `lines` as SteerSweepLog keeps them, by strength.
std::string steer_chart_svg(const std::vector<Json>& lines);

}  // namespace headscope
