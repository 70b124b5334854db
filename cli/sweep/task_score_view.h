// headscope task score: how well a model does a task.
#pragma once

#include <string>
#include <vector>

#include "analyses/task/maker.h"
#include "cli/verb.h"

namespace headscope {

struct TaskScoreOptions {
  std::string task;  // a file, or the name of a built-in task to make
  std::string model;
  MakeOptions make;                  // of a built-in one; the BOS of both
  std::vector<std::string> metrics;  // beside accuracy, logit_diff and prob
  bool skip_unfit = false;
};

// A built-in task's name, rather than a file's.
bool names_a_task(const std::string& text);

// Loads the model, scores and shows.
void show_task_score(const TaskScoreOptions& options, const Invocation& invocation);

}  // namespace headscope
