// headscope ablate: heads and parts of layers knocked out, cell by cell.
#include <optional>

#include <CLI/CLI.hpp>

#include "analyses/ablation/ablation.h"
#include "cli/sweep/sweep_run.h"
#include "cli/verbs.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

struct AblateArguments {
  SweepVerbOptions sweep;
  std::string site = "z";
  std::string over = "layer,head";
  std::string mode = "mean";
  std::string mean_over = "clean";
};

std::unique_ptr<ValueSource> source_of(const AblateArguments& options,
                                       const Model& model,
                                       const Task& task,
                                       std::uint64_t seed) {
  const std::vector<Site> sites{parse_sweep_site(options.site)};
  const Run over = parse_run(options.mean_over);
  if (options.mode == "zero") {
    return std::make_unique<Zero>();
  }
  if (options.mode == "mean") {
    return std::make_unique<GroupMean>(model, task.items, over, sites);
  }
  return std::make_unique<Resample>(model, task.items, over, sites, seed);
}

// Means and partners need two items of each template and length: asked of the task's file before
// the weights are read. What else may be wrong with the file is told as ever.
void check_groups(const SweepVerbOptions& options) {
  const ModelSummary model = summarize_model(options.model);
  std::optional<Tokenizer> tokenizer;
  if (model.tokenizer != "none") {
    tokenizer.emplace(load_tokenizer(options.model));
  }
  const Task task = read_task(
      options.task,
      tokenizer ? &*tokenizer : nullptr,
      model.config.n_ctx,
      model.config.d_vocab,
      {.bos = options.bos,
       .unfit = options.skip_unfit ? TaskOptions::Unfit::skip : TaskOptions::Unfit::fail});
  const TemplateGroups groups(task.items);
}

void run(const AblateArguments& options, const Invocation& invocation) {
  const Site site = parse_sweep_site(options.site);
  const OverAxes over = parse_over(options.over);
  if (options.mode != "zero" && invocation.session == nullptr) {
    check_groups(options.sweep);
  }
  std::unique_ptr<ValueSource> source;
  const std::string of = options.mode == "zero" ? "" : " of the " + options.mean_over + " runs";
  run_sweep_verb(invocation,
                 options.sweep,
                 {.kind = "ablate",
                  .title = fmt::format("{} ← {}{}", options.site, options.mode, of),
                  .identity = {{"site", options.site},
                               {"mode", options.mode},
                               {"over_run", options.mean_over},
                               {"into", to_string(Run::clean)}},
                  .spec = [&](const Model& model, const Task& task) {
                    source = source_of(options, model, task, invocation.common.seed);
                    return SweepSpec{.parts = {{site, over.heads}},
                                     .over_positions = over.positions,
                                     .positions = {options.sweep.positions},
                                     .into = Run::clean,
                                     .source = source.get(),
                                     .metric = &find_metric(options.sweep.metric)};
                  }});
}

void add_options(CLI::App& app, AblateArguments& options) {
  add_sweep_options(app, options.sweep);
  app.add_option("--mode",
                 options.mode,
                 "zero; mean: over the task's prompts of one template and length, position by "
                 "position; resample: the value in another such prompt, by --seed")
      ->check(CLI::IsMember({"zero", "mean", "resample"}))
      ->capture_default_str();
  app.add_option("--mean-over", options.mean_over, "The runs that means and resamples are taken of")
      ->check(CLI::IsMember(run_names()))
      ->capture_default_str();
  app.add_option("--site", options.site, "What is ablated; z is one head's output each")
      ->check(CLI::IsMember({"z", "attn_out", "mlp_out", "resid_pre", "resid_mid"}))
      ->capture_default_str();
  app.add_option("--over", options.over, "layer, layer,head, layer,pos or layer,head,pos")
      ->capture_default_str();
}

}  // namespace

Verb ablate_verb() {
  return {
      .name = "ablate",
      .summary = "Ablation: zero, mean or resampled values in the clean runs, cell by cell",
      .example =
          "  headscope ablate smollm2 --task ioi.jsonl --mode mean --over layer,head -o mean.h5\n"
          "  headscope ablate smollm2 --task ioi.jsonl --mode zero --site mlp_out --over layer",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<AblateArguments>();
        add_options(app, *options);
        return [options, &invocation] { run(*options, invocation); };
      },
  };
}

}  // namespace headscope
