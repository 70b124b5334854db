// The options every sweep verb has.
#include <CLI/CLI.hpp>

#include "analyses/sweep_file/sweep_methods.h"
#include "cli/request_options.h"
#include "cli/sweep/sweep_run.h"

namespace headscope {

void add_sweep_options(CLI::App& app, SweepVerbRun& run) {
  SweepVerbOptions& options = run.options;
  SweepMethod& method = *run.method;
  add_model(app, options.model);
  add_fields(app, request_fields(method.request, method.cells()));
  add_fields(app, method.fields());
  add_output_or_folder(app, options.out, "The file of results to write (.h5)");
  app.add_flag("--resume", options.resume, "Go on with an unfinished file");
  app.add_flag("--overwrite", options.overwrite, "Replace an existing file")->excludes("--resume");
  app.add_option("--memory", options.memory, "The most to take beside the weights, as in 4GB")
      ->default_str("70 % of what is free");
  app.add_flag("--per-prompt", options.per_prompt, "Every prompt's value in --json too");
  app.add_option("--top", options.top, "Cells to list")->capture_default_str();
  app.add_option(
         "--repeats", options.repeats, "Run the whole sweep so often and say how long it took")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  if (method.cells() == SweepMethod::Cells::sharded) {
    app.add_option(
        "--shard",
        options.shard,
        "I/N: the I-th of N parts, or auto: as the launcher says; with -o FOLDER/ each has a file "
        "there, which headscope merge joins");
  }
  add_rank_options(app, options.ranks);
}

std::function<void()> bind_sweep(CLI::App& app,
                                 const Invocation& invocation,
                                 const std::string& method) {
  auto run = std::make_shared<SweepVerbRun>();
  run->method = make_sweep_method(method);
  add_sweep_options(app, *run);
  return [run, &invocation] { run_sweep_verb(invocation, *run); };
}

}  // namespace headscope
