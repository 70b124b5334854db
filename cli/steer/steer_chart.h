// A picture of a sweep over strengths or ranks: effect on the task above, what it costs below.
#pragma once

#include <string>
#include <vector>

#include "lib/base/json.h"

namespace headscope {

// `lines` as SteerSweepLog keeps them, in order of what the sweep is `over`: "strength" or "rank".
std::string steer_chart_svg(const std::vector<Json>& lines, const std::string& over);

}  // namespace headscope
