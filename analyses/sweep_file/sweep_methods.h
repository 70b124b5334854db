// The methods that sweep a grid, by the name of the verb.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "analyses/sweep/sweep_method.h"

namespace headscope {

// "patch", "ablate", "path-patch", "attribute", "sae-patch".
const std::vector<std::string>& sweep_method_names();

// A new method with its defaults; null for a name that is none.
std::unique_ptr<SweepMethod> make_sweep_method(const std::string& name);

}  // namespace headscope
