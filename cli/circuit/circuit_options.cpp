#include "cli/circuit/circuit_options.h"

#include <CLI/CLI.hpp>

#include "analyses/metric/metric.h"
#include "analyses/sweep/task_input.h"
#include "cli/choices.h"
#include "cli/output.h"
#include "cli/sweep/sweep_run.h"
#include "hooks/provenance.h"
#include "lib/base/error.h"
#include "lib/base/paths.h"
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
                 "What replaces a writer whose edge is cut: corrupted (what it writes in the "
                 "item's corrupted run), mean (over the tokens of the clean runs), zero")
      ->check(CLI::IsMember({"corrupted", "mean", "zero"}))
      ->capture_default_str();
  app.add_option("--memory", options.memory, "The most to take beside the weights, as in 4GB")
      ->default_str("70 % of what is free");
  add_prepend_bos(app, options.bos);
}

CircuitInput circuit_input(const CircuitRunOptions& options, const Invocation& invocation) {
  const Model loaded = load_model(options.model, load_options(invocation.common));
  Model model = ungrouped(loaded);
  Task task = task_for(model, options.task, {.bos = options.bos});
  return {std::move(model), std::move(task), loaded.config().heads_per_kv()};
}

CircuitContext circuit_context(const CircuitRunOptions& options, const CircuitInput& input) {
  return {input.model,
          input.task,
          find_metric(options.metric),
          parse_circuit_ablation(options.ablation),
          memory_for(options.memory, input.model)};
}

namespace {

std::string steps_beside(const KeptOutput& output) {
  return output.out + ".steps.jsonl";
}

}  // namespace

void add_kept_output(CLI::App& app, KeptOutput& output, const char* what) {
  add_output(app, output.out, what);
  app.add_flag("--resume", output.resume, "Go on with a run that was stopped");
  app.add_flag("--overwrite", output.overwrite, "Replace an existing file")->excludes("--resume");
}

void check_kept_output(const KeptOutput& output) {
  if (output.out.empty() && (output.resume || output.overwrite)) {
    throw UsageError("--{} is about -o FILE", output.resume ? "resume" : "overwrite");
  }
  if (output.out.empty() || output.overwrite) {
    return;
  }
  const bool steps = path_exists(steps_beside(output));
  if (path_exists(output.out)) {
    throw UsageError("{}: exists already; replace it with --overwrite or choose another -o",
                     output.out);
  }
  if (output.resume && !steps) {
    throw UsageError("{}: there is nothing to go on with; leave out --resume",
                     steps_beside(output));
  }
  if (!output.resume && steps) {
    throw UsageError(
        "{}: a run that was stopped; --resume goes on with it, --overwrite starts "
        "again",
        steps_beside(output));
  }
}

StepLog step_log(const KeptOutput& output,
                 const CircuitRunOptions& run,
                 const Invocation& invocation,
                 const CircuitInput& input,
                 const Json& facts) {
  Json identity = provenance(input.model,
                             {.command_line = invocation.command_line,
                              .seed = invocation.common.seed,
                              .prepend_bos = run.bos})
                      .at("identity");
  identity["task"] = input.task.hash;
  identity["metric"] = run.metric;
  identity["ablation"] = run.ablation;
  identity["asked"] = facts;
  return {steps_beside(output),
          identity,
          output.overwrite ? IfExists::replace
          : output.resume  ? IfExists::resume
                           : IfExists::fail};
}

void throw_kept(const KeptOutput& output) {
  print_note("what is finished is kept beside " + output.out + "; --resume does the rest");
  throw Interrupted();
}

CircuitGraph graph_of_model(const std::string& path, const CircuitInput& input) {
  CircuitGraph graph = read_circuit_graph(path);
  check_graph_of(graph, graph_shape(input.model.config()), input.model.source().weights_hash, path);
  return graph;
}

}  // namespace headscope
