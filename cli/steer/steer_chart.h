// A picture of a sweep over strengths or ranks: effect on the task above, what it costs below.
#pragma once

#include <string>
#include <vector>

#include "lib/base/json_fwd.h"

namespace headscope {

// What was swept, for the picture's heading.
struct SteerChart {
  std::string over;   // "strength" or "rank"
  std::string model;  // as the user named it
  std::string edits;  // likewise
  std::string task;
  std::size_t items = 0;
};

// `lines` as SteerSweepLog keeps them, in the order of what the sweep is over. Three panels: the
// effect on the score with its interval, random counterparts' behind it where they were drawn; the
// KL on neutral text, the mean of random ones behind it; perplexity, logarithmic.
std::string steer_chart_svg(const std::vector<Json>& lines, const SteerChart& what);

}  // namespace headscope
