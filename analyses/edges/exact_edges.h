// What cutting edges really costs, and how well an estimate tells it.
#pragma once

#include <vector>

#include "analyses/attribution/agreement.h"
#include "analyses/edges/circuit_method.h"

namespace headscope {

// The loss of each of `cuts` circuits against the whole model; circuit(i) makes the i-th. Empty if
// settings.stop ended it.
std::vector<double> losses_of(const CircuitContext& context,
                              const CircuitSettings& settings,
                              std::int64_t cuts,
                              const std::function<EdgeSet(std::int64_t)>& circuit);

// Of single edges: exact patching.
std::vector<double> losses_of_edges(const CircuitContext& context,
                                    const CircuitSettings& settings,
                                    const std::vector<std::int64_t>& edges);

// Edges to compare an estimate by: half of them those with the largest absolute scores, the others
// drawn of the rest, in order of their numbers.
std::vector<std::int64_t> edges_to_check(const std::vector<double>& scores,
                                         std::int64_t size,
                                         std::uint64_t seed);

}  // namespace headscope
