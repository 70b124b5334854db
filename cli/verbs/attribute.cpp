// headscope attribute: what a patching sweep would find, estimated from gradients
// (analyses/attribution/attribute_method.h).
#include <algorithm>
#include <chrono>

#include <CLI/CLI.hpp>

#include "analyses/attribution/agreement.h"
#include "analyses/sweep/effects.h"
#include "analyses/sweep_file/sweep_methods.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/sweep/sweep_progress.h"
#include "cli/sweep/sweep_run.h"
#include "cli/verbs.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

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

bool run_exact(const PlannedSweep& sweep, const Grid& grid, SweepTable& table) {
  SweepProgressBar bar(
      {grid, static_cast<std::int64_t>(sweep.task.items.size()), sweep.spec.into, table});
  SweepOptions with_bar = sweep.options;
  with_bar.progress = [&](const SweepProgress& progress) { bar.show(progress); };
  return run_sweep(sweep.model, sweep.task, sweep.spec, with_bar, bar);
}

// Runs the sweep that was estimated. The estimate is on disk by now, if a file was named.
Appendix compared(const PlannedSweep& sweep, const Result& estimated, std::size_t top) {
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
        auto run = std::make_shared<SweepVerbRun>();
        auto exact = std::make_shared<bool>(false);
        run->method = make_sweep_method("attribute");
        add_sweep_options(app, *run);
        app.add_flag(
            "--exact",
            *exact,
            "Run the sweep too, and say how well it was estimated: correlations, worst cells");
        return [run, exact, &invocation] {
          if (*exact) {
            run->appendix = [&run](const PlannedSweep& sweep, const Result& result) {
              return compared(sweep, result, run->options.top);
            };
          }
          run_sweep_verb(invocation, *run);
        };
      },
  };
}

}  // namespace headscope
