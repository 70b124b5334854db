// The prompts of a task as something to record, and what their gradients are of.
#pragma once

#include <string>
#include <vector>

#include "hooks/record.h"

namespace CLI {
class App;
}

namespace headscope {

struct RecordTaskOptions {
  std::string task;  // a task file; empty: none
  std::string run = "clean";
  std::string metric = "logit_diff";
};

struct RecordTask {
  std::vector<TracePrompt> prompts;
  RecordObjective objective;
  Json identity;  // what of the options changes values
};

void add_record_task_options(CLI::App& app, RecordTaskOptions& options);

// Throws as read_task does; UsageError for a metric without a gradient or one that compares runs.
enum class Gradients { wanted, none };
RecordTask record_task(const RecordTaskOptions& options,
                       PrependBos bos,
                       const Model& model,
                       Gradients gradients);

}  // namespace headscope
