// One run of a task's items in a trace.
#pragma once

#include <vector>

#include "analyses/sweep/value_source.h"
#include "analyses/task/task.h"
#include "hooks/stored_run.h"

namespace headscope {

// Throws UsageError as StoredRun::check() and check_prompts() do: unless the trace is of this
// model, has what `need` names and holds that run of every item.
void check_stored_task(const StoredRun& stored,
                       const Model& model,
                       const std::vector<TaskItem>& items,
                       Run run,
                       const StoredNeed& need);

}  // namespace headscope
