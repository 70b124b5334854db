// A trace that a request names in place of running a task's prompts, and the words that record one.
#pragma once

#include <memory>
#include <string>

#include "analyses/task/task.h"
#include "hooks/stored_run.h"

namespace headscope {

// The trace of an option; null if none is named. Throws as StoredRun does.
std::shared_ptr<const StoredRun> open_trace(const std::string& path);

// How `headscope record` is told a task, and one run of it: "--task ioi.jsonl --run clean".
std::string record_task_words(const std::string& task, const TaskOptions& options);
std::string record_task_words(const std::string& task,
                              const std::string& run,
                              const TaskOptions& options);

}  // namespace headscope
