// headscope ablate: heads and parts of layers knocked out, cell by cell.
#include <optional>

#include <CLI/CLI.hpp>

#include "analyses/ablation/ablation.h"
#include "analyses/sweep/stored_task.h"
#include "cli/sweep/sweep_run.h"
#include "cli/trace/trace_option.h"
#include "cli/verbs.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

struct AblateArguments {
  SweepVerbOptions sweep;
  std::string site = "z";
  std::string over = "layer,head";
  std::string mode;  // empty: as the trace that is named says, else mean
  std::string mean_over = "clean";
  std::string mean_from;      // a trace of those runs; empty: they run
  std::string resample_from;  // likewise
};

// A trace that is named says what it is for.
std::string mode_of(const AblateArguments& options) {
  const std::string of_trace = !options.mean_from.empty()       ? "mean"
                               : !options.resample_from.empty() ? "resample"
                                                                : "";
  if (!of_trace.empty() && !options.mode.empty() && options.mode != of_trace) {
    throw UsageError("--{}-from is for --mode {}, not {}", of_trace, of_trace, options.mode);
  }
  return !of_trace.empty() ? of_trace : options.mode.empty() ? "mean" : options.mode;
}

std::unique_ptr<ValueSource> source_of(const AblateArguments& options,
                                       const RunSource& from,
                                       const Task& task,
                                       std::uint64_t seed) {
  const std::vector<Site> sites{parse_sweep_site(options.site)};
  const Run over = parse_run(options.mean_over);
  const std::string mode = mode_of(options);
  if (mode == "zero") {
    return std::make_unique<Zero>();
  }
  if (from.stored != nullptr) {
    check_stored_task(
        *from.stored,
        from.model,
        task.items,
        over,
        {.values = sites,
         .prompts = record_task_words(options.sweep.task, options.mean_over, options.sweep.bos)});
  }
  if (mode == "mean") {
    return std::make_unique<GroupMean>(from, task.items, over, sites);
  }
  return std::make_unique<Resample>(from, task.items, over, sites, seed);
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
  const std::string mode = mode_of(options);
  if (mode != "zero" && invocation.session == nullptr) {
    check_groups(options.sweep);
  }
  const auto trace = open_trace(options.mean_from + options.resample_from);
  std::unique_ptr<ValueSource> source;
  const std::string of = mode == "zero" ? "" : " of the " + options.mean_over + " runs";
  Json identity{{"site", options.site},
                {"mode", mode},
                {"over_run", options.mean_over},
                {"into", to_string(Run::clean)}};
  if (trace) {
    identity["source"] = trace->fingerprint();
  }
  run_sweep_verb(invocation,
                 options.sweep,
                 {.kind = "ablate",
                  .title = fmt::format("{} ← {}{}", options.site, mode, of),
                  .identity = std::move(identity),
                  .spec = [&](const Model& model, const Task& task) {
                    source = source_of(options, {model, trace.get()}, task, invocation.common.seed);
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
      ->default_str("mean");
  auto* mean_from = app.add_option(
      "--mean-from",
      options.mean_from,
      "A trace (headscope record) of the runs that means are taken of, read instead of run");
  app.add_option("--resample-from", options.resample_from, "The same of the resampled runs")
      ->excludes(mean_from);
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
          "  headscope ablate smollm2 --task ioi.jsonl --mode zero --site mlp_out --over layer\n"
          "  headscope record smollm2 --task ioi.jsonl --run clean --hooks "
          "'blocks.*.attn.hook_z' -o z.h5\n"
          "  headscope ablate smollm2 --task ioi.jsonl --mean-from z.h5",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<AblateArguments>();
        add_options(app, *options);
        return [options, &invocation] { run(*options, invocation); };
      },
  };
}

}  // namespace headscope
