// headscope patch: activation patching over layers, heads and positions.
#include <CLI/CLI.hpp>

#include "cli/sweep_run.h"
#include "cli/verbs.h"

namespace headscope {
namespace {

struct Options {
  SweepVerbOptions sweep;
  std::string site = "z";
  std::string over = "layer,head";
  std::string from = "clean";
};

void run(const Options& options, const Invocation& invocation) {
  const Site site = parse_sweep_site(options.site);
  const OverAxes over = parse_over(options.over);
  const Run from = options.from == "clean" ? Run::clean : Run::corrupted;
  const std::string into = options.from == "clean" ? "corrupted" : "clean";
  const OtherRun source(from);
  run_sweep_verb(invocation,
                 options.sweep,
                 {.kind = "patch",
                  .title = fmt::format("{} of the {} run ← {}", options.site, into, options.from),
                  .identity = {{"site", options.site}, {"from", options.from}, {"into", into}},
                  .spec = [&](const Model&, const Task&) {
                    return SweepSpec{.parts = {{site, over.heads}},
                                     .over_positions = over.positions,
                                     .positions = {options.sweep.positions},
                                     .into = from == Run::clean ? Run::corrupted : Run::clean,
                                     .source = &source,
                                     .metric = &find_metric(options.sweep.metric)};
                  }});
}

void add_options(CLI::App& app, Options& options) {
  add_sweep_options(app, options.sweep);
  add_patch_site(app, options.site);
  app.add_option("--over", options.over, "layer, layer,head, layer,pos or layer,head,pos")
      ->capture_default_str();
  app.add_option("--from", options.from, "The run values come from; the other one is changed")
      ->check(CLI::IsMember({"clean", "corrupted"}))
      ->capture_default_str();
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
        auto options = std::make_shared<Options>();
        add_options(app, *options);
        return [options, &invocation] { run(*options, invocation); };
      },
  };
}

}  // namespace headscope
