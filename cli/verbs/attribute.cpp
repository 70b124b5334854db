// headscope attribute: what a patching sweep would find, estimated from gradients.
#include <chrono>

#include <CLI/CLI.hpp>

#include "analyses/attribution/agreement.h"
#include "analyses/attribution/attribution.h"
#include "analyses/sweep/effects.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/sweep/patch_options.h"
#include "cli/sweep/sweep_progress.h"
#include "cli/sweep/sweep_run.h"
#include "cli/trace/trace_option.h"
#include "cli/verbs.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

struct AttributeArguments {
  SweepVerbOptions sweep;
  PatchOptions patch;
  std::string method = "atp";
  std::int64_t steps = 5;
  bool exact = false;
  std::vector<std::string> traces;  // of both runs, in any order; none: they run
};

// The traces that are named, told apart by the run that each says it is of.
struct RunTraces {
  std::shared_ptr<const StoredRun> clean, corrupted;

  explicit operator bool() const { return clean != nullptr; }
};

RunTraces open_traces(const AttributeArguments& options) {
  RunTraces traces;
  for (const std::string& path : options.traces) {
    auto trace = open_trace(path);
    const std::string run = trace->identity().value("run", std::string());
    auto& place = run == "clean" ? traces.clean : traces.corrupted;
    if ((run != "clean" && run != "corrupted") || place != nullptr) {
      throw UsageError(
          "{}: {}; --trace takes two, recorded with --task FILE and --run clean or corrupted",
          path,
          run.empty() ? "not of a run of a task" : "a second trace of the " + run + " run");
    }
    place = std::move(trace);
  }
  if (!options.traces.empty() && (traces.clean == nullptr || traces.corrupted == nullptr)) {
    throw UsageError("--trace: the {} run's is missing; name both, each after its own --trace",
                     traces.clean == nullptr ? "clean" : "corrupted");
  }
  return traces;
}

AttributionMethod method_of(const std::string& name) {
  return name == "ig"           ? AttributionMethod::ig
         : name == "atp-qk-fix" ? AttributionMethod::atp_qk_fix
                                : AttributionMethod::atp;
}

std::vector<double> effects_in(const Effects& effects) {
  std::vector<double> values;
  for (const CellEffect& cell : effects.cells) {
    values.push_back(cell.effect.mean);
  }
  return values;
}

Table worst_table(const Result& result,
                  const Effects& estimated,
                  const Effects& exact,
                  const Agreement& found,
                  std::size_t top) {
  Table table({{"cell"}, {"estimated"}, {"exact"}, {"estimated − exact", 3, "difference"}});
  for (std::size_t i = 0; i < std::min(top, found.worst.size()); ++i) {
    const std::size_t cell = found.worst[i];
    const double guess = estimated.cells[cell].effect.mean;
    const double truth = exact.cells[cell].effect.mean;
    table.row({cell_name(result, exact.cells[cell]), guess, truth, guess - truth});
  }
  return table;
}

OrderedJson json_of(std::optional<double> correlation) {
  return correlation ? OrderedJson(*correlation) : OrderedJson();
}

std::string correlation_text(std::optional<double> correlation) {
  return correlation ? fmt::format("{:.3f}", *correlation) : "undefined (one does not vary)";
}

Appendix told(const Agreement& found, std::size_t cells, const Table& worst) {
  const OrderedJson json{{"pearson", json_of(found.pearson)},
                         {"spearman", json_of(found.spearman)},
                         {"slope", json_of(found.slope)},
                         {"top_count", found.top_count},
                         {"top_in_both", found.top},
                         {"worst", worst.json()}};
  std::string text = fmt::format("against the exact sweep, {} cells: Pearson {}, Spearman {}",
                                 cells,
                                 correlation_text(found.pearson),
                                 correlation_text(found.spearman));
  if (found.slope) {
    text += fmt::format(", exact = {:.2f} × estimated", *found.slope);
  }
  text += found.top_count > 0
              ? fmt::format(", {} of the top {} the same", found.top, found.top_count)
              : std::string(", no top to compare (effects are zero or equal)");
  if (worst.size() > 0) {
    text += "\n\nfurthest off\n" + worst.text();
  }
  return {{{"exact", json}}, text + "\n"};
}

bool run_exact(const SweepInHand& sweep, const Grid& grid, SweepTable& table) {
  SweepProgressBar bar(
      grid, static_cast<std::int64_t>(sweep.task.items.size()), sweep.spec.into, table);
  SweepOptions with_bar = sweep.options;
  with_bar.progress = [&](const SweepProgress& progress) { bar.show(progress); };
  return run_sweep(sweep.model, sweep.task, sweep.spec, with_bar, bar);
}

// Runs the sweep that was estimated. The estimate is on disk by now, if a file was named.
Appendix compared(const SweepInHand& sweep, const Result& estimated, std::size_t top) {
  const auto prompts = static_cast<std::int64_t>(sweep.task.items.size());
  const Grid grid = grid_of(sweep.model, sweep.task, sweep.spec);
  if (grid.size() < 2) {
    return {{}, "--exact: one cell says nothing of correlation\n"};
  }
  SweepTable table(grid.size(), prompts);
  print_note("--exact: running the sweep itself");
  const auto start = std::chrono::steady_clock::now();
  if (!run_exact(sweep, grid, table)) {
    print_note("interrupted in the exact sweep; a file named with -o holds the whole estimate");
    throw Interrupted();
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const Result exact{estimated.header, table.values(), table.clean(), table.corrupted()};
  const Effects guessed = effects_of(estimated);
  const Effects found = effects_of(exact);
  const Agreement agreement = agreement_of(effects_in(guessed), effects_in(found), top);
  Appendix appendix =
      told(agreement, found.cells.size(), worst_table(estimated, guessed, found, agreement, top));
  appendix.json["exact"]["seconds"] = took.count();
  appendix.text += fmt::format("the exact sweep took {}\n", format_seconds(took.count()));
  return appendix;
}

std::string task_words(const AttributeArguments& options) {
  return record_task_words(options.sweep.task, options.sweep.bos);
}

Json identity_of(const AttributeArguments& options, const RunTraces& traces) {
  Json identity = patch_identity(options.patch);
  identity["method"] = options.method;
  if (options.method == "ig") {
    identity["steps"] = options.steps;
  }
  if (traces) {
    identity["traces"] = {traces.clean->fingerprint(), traces.corrupted->fingerprint()};
  }
  return identity;
}

void run(const AttributeArguments& options, const Invocation& invocation) {
  const PatchOptions& patch = options.patch;
  const OtherRun source(source_run(patch));
  const RunTraces traces = open_traces(options);
  const std::optional<StoredRuns> stored =
      traces ? std::optional(StoredRuns{*traces.clean, *traces.corrupted}) : std::nullopt;
  const AttributionOptions method{
      method_of(options.method), options.steps, stored ? &*stored : nullptr};
  const auto spec = [&] {
    return patch_spec(patch, options.sweep.positions, options.sweep.metric, source);
  };
  spec();  // refuses what is wrong before a model is loaded
  SweepVerb verb{.kind = "attribute",
                 .title = fmt::format("{} of the {} run ← {}, estimated by {}",
                                      patch.site,
                                      to_string(other_run(source_run(patch))),
                                      patch.from,
                                      options.method),
                 .identity = identity_of(options, traces),
                 .spec =
                     [&](const Model& model, const Task& task) {
                       if (stored) {
                         check_stored_runs(model, task, spec(), *stored, task_words(options));
                       }
                       return spec();
                     },
                 .check =
                     [&](const SweepInHand& it) {
                       check_attribution(it.model, it.task, it.spec, method, it.options);
                     },
                 .execute =
                     [&](const SweepInHand& it, SweepSink& sink) {
                       return run_attribution(it.model, it.task, it.spec, method, it.options, sink);
                     }};
  if (stored) {
    verb.passes = SweepVerb::Passes::stored;
  }
  if (options.exact) {
    verb.appendix = [&](const SweepInHand& sweep, const Result& result) {
      return compared(sweep, result, options.sweep.top);
    };
  }
  run_sweep_verb(invocation, options.sweep, verb);
}

void add_options(CLI::App& app, AttributeArguments& options) {
  add_grid_options(app, options.sweep);
  add_patch_options(app, options.patch);
  app.add_option("--method",
                 options.method,
                 "atp: difference times gradient at the changed run; atp-qk-fix: for q and k, the "
                 "change goes through the softmax first; ig: the mean gradient over runs between "
                 "both")
      ->check(CLI::IsMember({"atp", "atp-qk-fix", "ig"}))
      ->capture_default_str();
  app.add_option("--steps", options.steps, "Runs between both; --method ig alone")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1000}))
      ->capture_default_str();
  app.add_option("--trace",
                 options.traces,
                 "Traces (headscope record --task) of both runs, each after its own --trace, read "
                 "instead of run; the changed run's with gradients (hook points that end in _grad)")
      ->allow_extra_args(false);
  app.add_flag("--exact",
               options.exact,
               "Run the sweep too, and say how well it was estimated: correlations, worst cells");
}

}  // namespace

Verb attribute_verb() {
  return {
      .name = "attribute",
      .summary = "Attribution patching: a patching sweep estimated from gradients",
      .example =
          "  headscope attribute smollm2 --task ioi.jsonl --site z -o atp.h5\n"
          "  headscope attribute smollm2 --task ioi.jsonl --site q --method atp-qk-fix --exact\n"
          "  headscope attribute smollm2 --task ioi.jsonl --site z --method ig --steps 10 --over "
          "layer,head,pos\n"
          "  headscope record smollm2 --task ioi.jsonl --run clean --hooks "
          "'blocks.*.attn.hook_z' -o clean.h5\n"
          "  headscope record smollm2 --task ioi.jsonl --run corrupted --hooks "
          "'blocks.*.attn.hook_z' --hooks 'blocks.*.attn.hook_z_grad' -o corrupted.h5\n"
          "  headscope attribute smollm2 --task ioi.jsonl --trace clean.h5 --trace corrupted.h5",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<AttributeArguments>();
        add_options(app, *options);
        return [options, &invocation] { run(*options, invocation); };
      },
  };
}

}  // namespace headscope
