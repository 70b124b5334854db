#include "analyses/edges/circuit_values.h"

#include <algorithm>

#include "analyses/edges/task_circuits.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

std::vector<double> values_in_order(const std::vector<std::vector<double>>& values) {
  std::vector<double> flat;
  for (const std::vector<double>& each : values) {
    flat.insert(flat.end(), each.begin(), each.end());
  }
  return flat;
}

}  // namespace

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
    const auto run = [&] { return values_in_order(MaskedRuns(context, batch).values(circuits)); };
    const std::size_t rows = batch.items.size();
    const std::vector<double> found =
        options.log != nullptr ? options.log->step(circuits.size() * rows, run) : run();
    for (std::size_t circuit = 0; circuit < circuits.size(); ++circuit) {
      for (std::size_t row = 0; row < rows; ++row) {
        values[circuit][static_cast<std::size_t>(batch.items[row])] = found[circuit * rows + row];
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
