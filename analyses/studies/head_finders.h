// Methods that tell which heads are of a circuit, judged by heads that are known to be: discrete
// codes, and the methods of circuits of edges at the level of nodes.
#pragma once

#include <vector>

#include "analyses/discrete_codes/code_circuit.h"
#include "analyses/edges/circuit_method.h"
#include "lib/base/json_fwd.h"

namespace headscope {

// Scores of every head by a method of circuits, absolute: of nodes, or where it has none of them
// the best edge of each. Throws Interrupted if settings.stop ended it.
HeadScores head_scores_by(const CircuitMethod& method,
                          const CircuitContext& context,
                          const CircuitSettings& settings);

// {"auc": …, "seconds": …, "prompts": …}: the area under the ROC curve for `known`, null where it
// is undefined; the wall time of all of it.
Json judged_by_method(const CircuitMethod& method,
                      const CircuitContext& context,
                      const CircuitSettings& settings,
                      const std::vector<HeadId>& known);

// {"nodes": …, "edges": …, "seconds": …, "prompts": …}: of discrete codes, by nodes and by edges.
// Null where the autoencoder learns nothing.
Json judged_by_codes(const Model& model,
                     const Task& task,
                     const CodeCircuitOptions& codes,
                     const std::vector<HeadId>& known,
                     const std::function<bool()>& stop);

}  // namespace headscope
