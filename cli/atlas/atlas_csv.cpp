// An atlas as a table for other programs.
#include <algorithm>

#include <fmt/format.h>

#include "cli/atlas/atlas_page.h"

namespace headscope {

std::string atlas_csv(const Atlas& atlas) {
  std::string text = "detector,layer,head,score,low,high,control,role,confirmed\n";
  for (const Detection& each : atlas.detections) {
    if (!each.ran()) {
      continue;
    }
    for (const HeadId& head : each.score.heads()) {
      const bool confirmed = std::any_of(
          atlas.confirmations.begin(), atlas.confirmations.end(), [&](const Confirmation& c) {
            return c.detector == each.detector.name && c.confirmed() &&
                   std::find(c.heads.begin(), c.heads.end(), head) != c.heads.end();
          });
      text += fmt::format("{},{},{},{},{},{},{},{},{}\n",
                          each.detector.name,
                          head.layer,
                          head.head,
                          each.score[head],
                          each.low[head],
                          each.high[head],
                          each.control.empty() ? "" : fmt::format("{}", each.control[head]),
                          each.has_role(head) ? 1 : 0,
                          confirmed ? 1 : 0);
    }
  }
  return text;
}

}  // namespace headscope
