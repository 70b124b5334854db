#include "analyses/edges/task_circuits.h"

#include "lib/model/memory_need.h"

namespace headscope {
namespace {

constexpr std::int64_t kItemsTokensOnCpu = 256;

}  // namespace

std::int64_t items_tokens(const Model& model) {
  return model.device().is_cuda() ? kTokensAtOnce : kItemsTokensOnCpu;
}

TaskCircuits::TaskCircuits(const CircuitContext& context)
    : context_(context), batches_(prompt_batches(context.task.items, items_tokens(context.model))) {
  for (const PromptBatch& batch : batches_) {
    runs_.emplace_back(context, batch);
  }
}

std::vector<double> TaskCircuits::means(const std::vector<EdgeSet>& circuits) const {
  std::vector<double> means(circuits.size());
  const double share = context_.direction() / static_cast<double>(context_.task.items.size());
  for (const MaskedRuns& runs : runs_) {
    const auto values = runs.values(circuits);
    for (std::size_t circuit = 0; circuit < circuits.size(); ++circuit) {
      for (const double value : values[circuit]) {
        means[circuit] += share * value;
      }
    }
  }
  return means;
}

}  // namespace headscope
