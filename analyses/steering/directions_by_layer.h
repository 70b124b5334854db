// One direction a layer, of which the best is chosen: what mean differences and principal axes
// share.
#pragma once

#include <functional>
#include <vector>

#include "analyses/steering/steer_method.h"

namespace headscope {

// `values` [N, …] f64 of one hook point at the last token of N texts. Text i and i + 1, i even, are
// the right and the wrong one of an item where the data holds continuations.
struct PointTexts {
  Tensor values;
  std::vector<bool> positive;
  SteerData::Kind kind = SteerData::Kind::continuations;
};
using DirectionOf = std::function<Tensor(const PointTexts& texts)>;  // […]

// The mean of the positive rows less that of the others, […] f64.
Tensor mean_difference(const Tensor& values, const std::vector<bool>& positive);

// How far the two classes lie apart along a direction: the difference of their mean projections by
// the root of the mean of their variances (d′).
double separation(const Tensor& values, const Tensor& direction, const std::vector<bool>& positive);

// Fits a direction at settings.site (default hook_resid_post) of each of settings.layers (default:
// all). Of several layers it keeps the one that does best on a quarter of the examples that the
// directions were not fitted to: which raises the score most when the direction is added, or, for
// labelled texts, where the classes lie furthest apart along it. The edit adds alpha (default 1)
// times the direction at every position.
Steering fit_by_layer(const SteerRequest& request,
                      const std::string& method,
                      const DirectionOf& direction_of_point);

}  // namespace headscope
