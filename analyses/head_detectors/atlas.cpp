#include "analyses/head_detectors/atlas.h"

#include <algorithm>

#include "analyses/metric/summary.h"

namespace headscope {

double Confirmation::random_mean() const {
  return random.empty() ? 0.0 : mean_of(random);
}

bool Confirmation::confirmed() const {
  return enough_draws() && high < 0.0 && beyond_high < 0.0 &&
         std::all_of(random.begin(), random.end(), [&](double each) { return change() < each; });
}

bool Confirmation::enough_draws() const {
  return random.size() >= kFewestDraws;
}

const Detection* Atlas::find(const std::string& detector) const {
  const auto found = std::find_if(detections.begin(), detections.end(), [&](const Detection& each) {
    return each.detector.name == detector;
  });
  return found == detections.end() ? nullptr : &*found;
}

}  // namespace headscope
