// headscope patch: activation patching over layers, heads and positions.
#include <CLI/CLI.hpp>

#include "cli/sweep/patch_options.h"
#include "cli/sweep/sweep_run.h"
#include "cli/verbs.h"

namespace headscope {
namespace {

struct PatchArguments {
  SweepVerbOptions sweep;
  PatchOptions patch;
};

void run(const PatchArguments& options, const Invocation& invocation) {
  const PatchOptions& patch = options.patch;
  const OtherRun source(source_run(patch));
  const auto spec = [&] {
    return patch_spec(patch, options.sweep.positions, options.sweep.metric, source);
  };
  spec();  // refuses what is wrong before a model is loaded
  run_sweep_verb(invocation,
                 options.sweep,
                 {.kind = "patch",
                  .title = fmt::format("{} of the {} run ← {}",
                                       patch.site,
                                       to_string(other_run(source_run(patch))),
                                       patch.from),
                  .identity = patch_identity(patch),
                  .spec = [&](const Model&, const Task&) { return spec(); }});
}

void add_options(CLI::App& app, PatchArguments& options) {
  add_sweep_options(app, options.sweep);
  add_patch_options(app, options.patch);
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
          "  headscope export patch.h5 --format png -o out/",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<PatchArguments>();
        add_options(app, *options);
        return [options, &invocation] { run(*options, invocation); };
      },
  };
}

}  // namespace headscope
