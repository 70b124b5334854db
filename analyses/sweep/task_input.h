// A task file, read for a model.
#pragma once

#include <string>

#include "analyses/task/task.h"
#include "lib/model/model.h"

namespace headscope {

// read_task() by the model's tokenizer and sizes; warns how many items are left out.
Task task_for(const Model& model, const std::string& path, const TaskOptions& options);

}  // namespace headscope
