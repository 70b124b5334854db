// The fields of a layer that hold a number a head.
#pragma once

#include <vector>

#include "lib/model/config.h"

namespace headscope {

struct PerHead {
  const char* name;
  std::vector<double> LayerConfig::*values;
};

// A field listed here is checked to be above 0 (config_checks.cpp), and is part of the identity
// that traces and results are known by (config_identity.cpp).
inline constexpr PerHead kPerHead[] = {{"head_scale", &LayerConfig::head_scale},
                                       {"alibi", &LayerConfig::alibi},
                                       {"key_slopes", &LayerConfig::key_slopes}};

}  // namespace headscope
