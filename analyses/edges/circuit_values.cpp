#include "analyses/edges/circuit_values.h"

#include <algorithm>

#include "analyses/edges/task_circuits.h"
#include "lib/base/error.h"

namespace headscope {

std::size_t CircuitList::add(const EdgeSet& circuit) {
  const auto [entry, fresh] = numbers_.emplace(circuit, circuits_.size());
  if (fresh) {
    circuits_.push_back(circuit);
  }
  return entry->second;
}

std::vector<std::vector<double>> circuit_values(const CircuitContext& context,
                                                const std::vector<EdgeSet>& circuits,
                                                const ValuesProgress& options) {
  const auto items = static_cast<std::int64_t>(context.task.items.size());
  std::vector<std::vector<double>> values(circuits.size(),
                                          std::vector<double>(static_cast<std::size_t>(items)));
  std::int64_t done = 0;
  for (const PromptBatch& batch : prompt_batches(context.task.items, items_tokens(context.model))) {
    if (options.stop && options.stop()) {
      throw Interrupted();
    }
    const auto found = MaskedRuns(context, batch).values(circuits);
    for (std::size_t circuit = 0; circuit < circuits.size(); ++circuit) {
      for (std::size_t row = 0; row < batch.items.size(); ++row) {
        values[circuit][static_cast<std::size_t>(batch.items[row])] = found[circuit][row];
      }
    }
    done += batch.rows();
    if (options.progress) {
      options.progress(done, items);
    }
  }
  return values;
}

}  // namespace headscope
