// What the sweeps of one file share: the model, changed as entries ask, its tasks, and the runs
// nobody changed.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "analyses/sweep/baselines.h"
#include "analyses/sweep/sweep_method.h"

namespace headscope {

class SweepSession {
 public:
  // What sweeps may take beside the weights, in bytes; see SweepJobOptions.
  struct Memory {
    std::int64_t new_sweep = 0;
    std::int64_t begun_sweep = 0;
  };

  // The model lives as long as this.
  SweepSession(const Model& model, const Memory& memory) : model_(model), memory_(memory) {}

  // Changed as request.intervene and request.attention say; each pair of files is read once.
  const Model& model(const SweepRequest& request);
  const Task& task(const SweepRequest& request);  // read once
  [[nodiscard]] const Memory& memory() const { return memory_; }

  // Of a model and a task of this session, in batches of `tokens`; computed once, when first asked
  // for.
  const Baselines& baselines(const Model& model,
                             const Task& task,
                             const Metric& metric,
                             std::int64_t tokens);

 private:
  using TaskKey = std::tuple<std::string, PrependBos, bool>;  // the file and how it is read

  const Model& model_;
  Memory memory_;
  std::map<std::pair<std::string, std::string>, Model> changed_;  // by interventions and plan
  std::map<TaskKey, Task> tasks_;
  std::map<std::tuple<const Model*, const Task*, const Metric*, std::int64_t>, Baselines>
      baselines_;
};

}  // namespace headscope
