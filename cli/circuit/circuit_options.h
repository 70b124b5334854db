// What the verbs of circuits have in common: a model, a task, and what a run of a circuit is.
#pragma once

#include <string>

#include "analyses/edges/circuit_context.h"
#include "analyses/edges/circuit_graph.h"
#include "analyses/edges/step_log.h"
#include "cli/common_options.h"
#include "cli/verb.h"

namespace headscope {

struct CircuitRunOptions {
  std::string model;
  std::string task;
  std::string ablation = "corrupted";
  std::string metric = "logit_diff";
  std::string memory;
  PrependBos bos = PrependBos::automatic;
};
void add_circuit_run_options(CLI::App& app, CircuitRunOptions& options);

// The model, with keys and values for every query head, and the task.
struct CircuitInput {
  Model model;
  Task task;
  std::int64_t heads_per_kv = 1;  // query heads that share keys and values in the model as it came
};
CircuitInput circuit_input(const CircuitRunOptions& options, const Invocation& invocation);

// `input` outlives what is returned.
CircuitContext circuit_context(const CircuitRunOptions& options, const CircuitInput& input);

// An output of a run that may be stopped and gone on with: what it has finished is kept beside it,
// in OUT.steps.jsonl, until it is whole.
struct KeptOutput {
  std::string out;
  bool resume = false;
  bool overwrite = false;
};
void add_kept_output(CLI::App& app, KeptOutput& output, const char* what);

// Throws UsageError for a file that is there already, or for --resume where nothing is.
void check_kept_output(const KeptOutput& output);

// The log of what is finished. `facts` are what the numbers depend on beside the model, the task
// and the run's options.
StepLog step_log(const KeptOutput& output,
                 const CircuitRunOptions& run,
                 const Invocation& invocation,
                 const CircuitInput& input,
                 const Json& facts);

// Says that a run that was stopped can go on; throws Interrupted.
[[noreturn]] void throw_kept(const KeptOutput& output);

// A graph file that must be of the model.
CircuitGraph graph_of_model(const std::string& path, const CircuitInput& input);

}  // namespace headscope
