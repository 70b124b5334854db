#include "cli/circuit/circuit_options.h"

#include <CLI/CLI.hpp>

#include "analyses/metric/metric.h"
#include "analyses/sweep/task_input.h"
#include "cli/choices.h"
#include "cli/sweep/sweep_run.h"
#include "lib/families/load.h"
#include "lib/model/ungrouped.h"

namespace headscope {

void add_circuit_run_options(CLI::App& app, CircuitRunOptions& options) {
  add_model(app, options.model);
  app.add_option("--task", options.task, "The task (JSONL, as headscope task make writes it)")
      ->required()
      ->check(names_a_file);
  app.add_option("--metric", options.metric, "What a run is judged by: " + names_of(all_metrics()))
      ->capture_default_str();
  app.add_option("--ablation",
                 options.ablation,
                 "What stands for a writer whose edge is cut: corrupted (what it writes in the "
                 "item's corrupted run), mean (over the tokens of the clean runs), zero")
      ->check(CLI::IsMember({"corrupted", "mean", "zero"}))
      ->capture_default_str();
  app.add_option("--memory", options.memory, "The most to take beside the weights, as in 4GB")
      ->default_str("70 % of what is free");
  add_prepend_bos(app, options.bos);
}

CircuitInput circuit_input(const CircuitRunOptions& options, const Invocation& invocation) {
  Model model = ungrouped(load_model(
      options.model, {.device = invocation.common.device, .dtype = invocation.common.dtype}));
  Task task = task_for(model, options.task, {.bos = options.bos});
  return {std::move(model), std::move(task)};
}

CircuitContext circuit_context(const CircuitRunOptions& options, const CircuitInput& input) {
  return {input.model,
          input.task,
          find_metric(options.metric),
          parse_circuit_ablation(options.ablation),
          memory_for(options.memory, input.model)};
}

CircuitGraph graph_of_model(const std::string& path, const CircuitInput& input) {
  CircuitGraph graph = read_circuit_graph(path);
  check_graph_of(graph, graph_shape(input.model.config()), input.model.source().weights_hash, path);
  return graph;
}

}  // namespace headscope
