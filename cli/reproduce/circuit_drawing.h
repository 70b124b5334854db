// A circuit found backwards, drawn: heads by layer and class, edges by the effect of their paths.
#pragma once

#include <string>

#include "analyses/circuit/discover.h"

namespace headscope {

// An SVG: a column a class, the logits on top, layers rising; an edge from every head that a stage
// kept to what it was patched into (edges_of()), as wide as the square root of the sender's effect,
// blue where losing the path lowers the metric, orange where it raises it. `classes` says which
// column a head stands in, the first of its classes. "" for a circuit without heads.
std::string circuit_drawing(const Discovery& found, const HeadCircuit& classes);

}  // namespace headscope
