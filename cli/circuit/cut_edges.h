// How well the losses of edges were estimated: some of them cut for real.
#pragma once

#include <string>

#include "analyses/edges/circuit_graph.h"
#include "cli/circuit/circuit_find_options.h"
#include "cli/verb.h"
#include "lib/base/json.h"

namespace headscope {

struct ExactComparison {
  OrderedJson json;
  std::string text;
};

// Edges of a graph that is on disk by now, cut for real. Throws Interrupted.
ExactComparison compared_with_cuts(const CircuitFindOptions& options,
                                   const Invocation& invocation,
                                   const CircuitInput& input,
                                   const CircuitGraph& graph);

}  // namespace headscope
