// headscope patch: activation patching over layers, heads and positions.
#include <CLI/CLI.hpp>

#include "analyses/sweep/stored_source.h"
#include "analyses/sweep/stored_task.h"
#include "cli/sweep/patch_options.h"
#include "cli/sweep/sweep_run.h"
#include "cli/trace/trace_option.h"
#include "cli/verbs.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

struct PatchArguments {
  SweepVerbOptions sweep;
  PatchOptions patch;
  std::string trace;  // of the run that values come from; empty: it runs
};

void check_trace(const StoredRun& trace,
                 const PatchArguments& options,
                 const Model& model,
                 const Task& task) {
  const Site site = parse_sweep_site(options.patch.site);
  const bool plain = options.sweep.plain || model.standing() != nullptr;
  check_stored_task(
      trace,
      model,
      task.items,
      source_run(options.patch),
      {.values = plain ? std::vector{site} : sites_of_source_run(site, model.config()),
       .prompts = record_task_words(options.sweep.task, options.patch.from, options.sweep.bos)});
}

void run(const PatchArguments& options, const Invocation& invocation) {
  const PatchOptions& patch = options.patch;
  const auto trace = open_trace(options.trace);
  std::unique_ptr<const ValueSource> source = std::make_unique<OtherRun>(source_run(patch));
  const auto spec = [&] {
    return patch_spec(patch, options.sweep.positions, options.sweep.metric, *source);
  };
  spec();  // refuses what is wrong before a model is loaded
  Json identity = patch_identity(patch);
  if (trace) {
    identity["source"] = trace->fingerprint();
  }
  run_sweep_verb(invocation,
                 options.sweep,
                 {.kind = "patch",
                  .title = fmt::format("{} of the {} run ← {}",
                                       patch.site,
                                       to_string(other_run(source_run(patch))),
                                       patch.from),
                  .identity = std::move(identity),
                  .spec = [&](const Model& model, const Task& task) {
                    if (trace) {
                      check_trace(*trace, options, model, task);
                      source = std::make_unique<StoredSource>(model, *trace, source_run(patch));
                    }
                    return spec();
                  }});
}

void add_options(CLI::App& app, PatchArguments& options) {
  add_sweep_options(app, options.sweep);
  add_patch_options(app, options.patch);
  app.add_option(
      "--source",
      options.trace,
      "A trace (headscope record) of the run that values come from, read instead of run");
}

}  // namespace

Verb patch_verb() {
  return {
      .name = "patch",
      .summary = "Activation patching: put values of one run into another, cell by cell",
      .example =
          "  headscope task make ioi --model smollm2 -n 100 -o ioi.jsonl\n"
          "  headscope patch smollm2 --task ioi.jsonl --site z --over layer,head -o patch.h5\n"
          "  headscope patch smollm2 --task ioi.jsonl --site resid_pre --over layer --positions "
          "S2\n"
          "  headscope record smollm2 --task ioi.jsonl --run clean --hooks "
          "'blocks.*.attn.hook_z' -o z.h5\n"
          "  headscope patch smollm2 --task ioi.jsonl --source z.h5\n"
          "  headscope export patch.h5 --format png -o out/",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<PatchArguments>();
        add_options(app, *options);
        return [options, &invocation] { run(*options, invocation); };
      },
  };
}

}  // namespace headscope
