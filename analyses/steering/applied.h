// The interventions that apply what was learned.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "hooks/intervention.h"
#include "lib/base/head_id.h"
#include "lib/model/site.h"

namespace headscope {

// By layer, the heads of each ascending.
std::map<std::int64_t, std::vector<std::int64_t>> heads_by_layer(const std::vector<HeadId>& heads);

// `op` with `factor` on the z of heads, or on another site with an axis of query heads: one
// intervention a layer.
std::vector<Intervention> at_heads(const std::vector<HeadId>& heads,
                                   Op op,
                                   double factor,
                                   Site site = Site::z);

// Values that are the folder's own ({"direction": "."}).
InterventionValues own_values();

// `op` with the folder's values at a hook point; of heads, if there are any.
Intervention with_own_values(const std::string& point,
                             const std::vector<std::int64_t>& heads,
                             Op op,
                             double factor);

}  // namespace headscope
