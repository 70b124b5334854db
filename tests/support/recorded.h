// Runs of a task in a trace, as `headscope record --task` makes them.
#pragma once

#include <memory>

#include "analyses/sweep/scoring.h"
#include "analyses/sweep/value_source.h"
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
  const bool clean = recording.run == Run::clean;
  std::vector<TracePrompt> prompts;
  for (const TaskItem& item : task.items) {
    prompts.push_back(clean ? item.clean : item.corrupted);
    prompts.back().id = item.id;
  }
  RecordOptions options;
  options.hooks = recording.hooks;
  options.store = recording.store;
  options.if_exists = IfExists::replace;
  options.batch_tokens = recording.batch_tokens;
  options.provenance = provenance(model, {.command_line = "test"});
  Json& identity = options.provenance["identity"];
  identity.update(Json{{"task_hash", task.hash}, {"run", clean ? "clean" : "corrupted"}});
  if (recording.gradients_of != nullptr) {
    const auto scoring =
        std::make_shared<Scoring>(*recording.gradients_of, task.items, model.config().d_vocab);
    options.objective = [scoring](const Tensor& logits, const std::vector<std::size_t>& rows) {
      return scoring->followed_of_vocabulary(logits, {rows.begin(), rows.end()});
    };
    identity["gradients_of"] = std::string(recording.gradients_of->name);
  }
  record(model, prompts, path, options);
  return path;
}

}  // namespace headscope::test
