// Runs of a task in a trace, as `headscope record --task` makes them.
#pragma once

#include <filesystem>

#include "analyses/sweep/task_recording.h"
#include "hooks/provenance.h"
#include "hooks/record.h"
#include "hooks/stored_run.h"
#include "tests/support/temp_folder.h"

namespace headscope::test {

struct Recording {
  std::vector<std::string> hooks;
  Run run = Run::clean;
  DType store = DType::f32;
  const Metric* gradients_of = nullptr;  // of hooks that end in _grad
  std::int64_t batch_tokens = 2048;
};

inline std::filesystem::path record_task_run(const std::filesystem::path& path,
                                             const Model& model,
                                             const Task& task,
                                             const Recording& recording) {
  const TaskRecording what = task_recording(task, recording.run, recording.gradients_of, model);
  RecordOptions options;
  options.hooks = recording.hooks;
  options.store = recording.store;
  options.if_exists = IfExists::replace;
  options.batch_tokens = recording.batch_tokens;
  options.objective = what.objective;
  options.provenance = provenance(model, {.command_line = "test"});
  options.provenance["identity"].update(what.identity);
  record(model, what.prompts, path, options);
  return path;
}

}  // namespace headscope::test
