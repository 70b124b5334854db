// What the verbs of circuits have in common: a model, a task, and what a run of a circuit is.
#pragma once

#include <string>

#include "analyses/edges/circuit_context.h"
#include "analyses/edges/circuit_graph.h"
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
};
CircuitInput circuit_input(const CircuitRunOptions& options, const Invocation& invocation);

// `input` outlives what is returned.
CircuitContext circuit_context(const CircuitRunOptions& options, const CircuitInput& input);

// A graph file that must be of the model.
CircuitGraph graph_of_model(const std::string& path, const CircuitInput& input);

}  // namespace headscope
