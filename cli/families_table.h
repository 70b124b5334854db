// The families of models that the program runs, and how closely each was seen to agree.
#pragma once

#include "lib/base/json_fwd.h"

namespace headscope {

// One entry a family: names, what it was measured on, and by how much it differs at most.
OrderedJson families_json();

// The same as a table, with what its figures mean below.
std::string families_text();

}  // namespace headscope
