#include "analyses/sweep/stored_task.h"

namespace headscope {

void check_stored_task(const StoredRun& stored,
                       const Model& model,
                       const std::vector<TaskItem>& items,
                       Run run,
                       const StoredNeed& need) {
  stored.check(model, need);
  std::vector<std::vector<std::int32_t>> prompts;
  for (const TaskItem& item : items) {
    prompts.push_back(item.prompt(run).tokens);
  }
  stored.check_prompts(model, need, prompts);
}

}  // namespace headscope
