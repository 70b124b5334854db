// headscope path-patch: what each sender does through its direct paths to a receiver.
#include <sstream>

#include <CLI/CLI.hpp>

#include "analyses/path_patching/path_runner.h"
#include "cli/sweep/sweep_run.h"
#include "cli/verbs.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

struct PathPatchArguments {
  SweepVerbOptions sweep;
  std::vector<std::string> receivers;
  std::string senders = "heads,mlps";
  std::string freeze_mlps = "no";
  std::string receiver_positions = "all";
  std::string from = "corrupted";
};

// In the order the forward pass reaches them.
std::vector<SweptPart> parts_of(const std::string& senders) {
  if (senders == "heads") {
    return {{Site::z, true}};
  }
  if (senders == "mlps") {
    return {{Site::mlp_out, false}};
  }
  return {{Site::z, true}, {Site::mlp_out, false}};
}

PathOptions path_options(const PathPatchArguments& options, const ModelConfig& config) {
  PathOptions path{.receivers = {},
                   .mlps = options.freeze_mlps == "yes" ? PathOptions::Mlps::freeze
                                                        : PathOptions::Mlps::recompute,
                   .positions = {options.receiver_positions}};
  for (const std::string& text : options.receivers) {
    path.receivers.push_back(parse_receiver(text, config));
  }
  return path;
}

void run(const PathPatchArguments& options, const Invocation& invocation) {
  const Run from = parse_run(options.from);
  const Run into = other_run(from);
  const OtherRun source(from);
  std::unique_ptr<Paths> paths;
  std::string ends;
  for (const std::string& receiver : options.receivers) {
    ends += (ends.empty() ? "" : ", ") + receiver;
  }
  run_sweep_verb(invocation,
                 options.sweep,
                 {.kind = "path-patch",
                  .title = fmt::format("{} → {}, {} run ← {}{}",
                                       options.senders,
                                       ends,
                                       to_string(into),
                                       options.from,
                                       options.freeze_mlps == "yes" ? ", MLPs frozen" : ""),
                  .identity = {{"receivers", ends},
                               {"senders", options.senders},
                               {"freeze_mlps", options.freeze_mlps},
                               {"receiver_positions", options.receiver_positions},
                               {"from", options.from},
                               {"into", to_string(into)}},
                  .spec = [&](const Model& model, const Task& task) {
                    paths = std::make_unique<Paths>(
                        path_options(options, model.config()), task.items, model.config());
                    return SweepSpec{.parts = parts_of(options.senders),
                                     .positions = {options.sweep.positions},
                                     .into = into,
                                     .source = &source,
                                     .metric = &find_metric(options.sweep.metric),
                                     .runner = paths.get()};
                  }});
}

void add_options(CLI::App& app, PathPatchArguments& options) {
  add_sweep_options(app, options.sweep);
  app.add_option("--receiver",
                 options.receivers,
                 "Where paths end: logits, LAYER:resid_post or LAYER.HEAD:q, :k, :v; several act "
                 "together. HEAD is a query head; where heads share keys and values, k and v are "
                 "its own view of them and the other heads of the group keep theirs")
      ->required()
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--senders", options.senders, "heads, mlps or heads,mlps")
      ->check(CLI::IsMember({"heads", "mlps", "heads,mlps"}))
      ->capture_default_str();
  app.add_option("--freeze-mlps",
                 options.freeze_mlps,
                 "no: paths may pass through MLPs (as in the IOI paper); yes: none does")
      ->check(CLI::IsMember({"yes", "no"}))
      ->capture_default_str();
  app.add_option("--receiver-positions",
                 options.receiver_positions,
                 "Where the receivers' inputs are replaced, spelled as --positions")
      ->capture_default_str();
  app.add_option("--from", options.from, "The run the senders' values come from")
      ->check(CLI::IsMember(run_names()))
      ->capture_default_str();
}

}  // namespace

Verb path_patch_verb() {
  return {
      .name = "path-patch",
      .summary = "Path patching: each sender's effect through direct paths to a receiver",
      .example =
          "  headscope path-patch smollm2 --task ioi.jsonl --receiver logits -o direct.h5\n"
          "  headscope path-patch smollm2 --task ioi.jsonl --receiver 23.3:q "
          "--receiver-positions end --senders heads",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<PathPatchArguments>();
        add_options(app, *options);
        return [options, &invocation] { run(*options, invocation); };
      },
  };
}

}  // namespace headscope
