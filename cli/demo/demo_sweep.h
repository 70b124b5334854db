// The sweep at the end of `headscope demo`: every head of the model patched on the IOI task.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "analyses/results/result_store.h"
#include "cli/verb.h"
#include "lib/model/model.h"

namespace headscope {

struct DemoSweepFiles {
  std::filesystem::path task;   // JSONL
  std::filesystem::path store;  // HDF5
};

// Makes the task, sweeps, stores. Nothing, and a note on standard error, if the model's tokenizer
// cannot make the task's prompts. Throws Interrupted.
std::optional<Result> run_demo_sweep(const Model& model,
                                     const DemoSweepFiles& files,
                                     const Invocation& invocation);

}  // namespace headscope
