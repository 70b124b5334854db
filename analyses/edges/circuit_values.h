// The metric of several circuits over a whole task, each circuit run once.
#pragma once

#include <map>
#include <vector>

#include "analyses/edges/circuit_mask.h"
#include "analyses/edges/masked_runs.h"
#include "analyses/edges/step_log.h"

namespace headscope {

// Circuits to be run, the same one once.
class CircuitList {
 public:
  std::size_t add(const EdgeSet& circuit);  // its number
  [[nodiscard]] const std::vector<EdgeSet>& circuits() const { return circuits_; }

 private:
  std::vector<EdgeSet> circuits_;
  std::map<EdgeSet, std::size_t> numbers_;
};

struct ValuesProgress {
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};  // items
  std::function<bool()> stop = {};
  StepLog* log = nullptr;  // a step a batch of items
};

// [circuits][items of the task]. Throws Interrupted if `stop` ended it.
std::vector<std::vector<double>> circuit_values(const CircuitContext& context,
                                                const std::vector<EdgeSet>& circuits,
                                                const ValuesProgress& options);

}  // namespace headscope
