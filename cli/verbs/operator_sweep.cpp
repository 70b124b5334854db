// headscope operator sweep: a grid of operators and their parameters, every head under each.
#include <algorithm>
#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>

#include "analyses/operators/operator_grid.h"
#include "analyses/operators/operator_summary.h"
#include "cli/interrupt.h"
#include "cli/operators/measure_run.h"
#include "cli/operators/operator_texts.h"
#include "cli/output.h"
#include "cli/render/progress.h"
#include "cli/render/table.h"
#include "cli/verbs.h"
#include "hooks/provenance.h"
#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/output_file.h"
#include "lib/base/paths.h"
#include "lib/base/replaced_file.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

struct GridArguments {
  std::string model;
  std::string grid;
  OperatorTexts texts;
  std::string control = "none";
  std::string out;
  bool resume = false;
};

std::filesystem::path result_file(const GridArguments& options, const OperatorChoice& choice) {
  return std::filesystem::path(options.out) / (file_stem(choice) + ".h5");
}

constexpr TextKind kGridTable{.noun = "table of operators", .is = [](std::string_view text) {
                                return begins_as_json(text, "{\"model\":");
                              }};

void check_free(const GridArguments& options, const std::vector<OperatorChoice>& grid) {
  check_output_folder(options.out);
  check_replaceable(std::filesystem::path(options.out) / "table.json", kGridTable);
  for (const OperatorChoice& choice : grid) {
    const std::filesystem::path file = result_file(options, choice);
    if (!options.resume && path_exists(file)) {
      throw UsageError("{}: exists; --resume goes on with it, or name another folder",
                       file.string());
    }
  }
}

// False if the user stopped it.
bool measure_all(const GridArguments& options,
                 const std::vector<OperatorChoice>& grid,
                 const Model& model,
                 const std::vector<Prompt>& prompts,
                 const Invocation& invocation) {
  const std::int64_t layers = model.config().n_layers * std::ssize(prompts);
  Progress bar(layers * std::ssize(grid), {.label = "measuring", .unit = "layers"});
  for (const OperatorChoice& choice : grid) {
    const std::filesystem::path file = result_file(options, choice);
    OperatorMeasureRun run =
        measure_run(model, prompts, choice, options.texts, options.control, invocation);
    run.out = file;
    run.if_exists = path_exists(file) ? IfExists::resume : IfExists::fail;
    run.progress = [&bar](std::int64_t, std::int64_t) { bar.add(); };
    if (!measure_operator(run)) {
      return false;
    }
  }
  return true;
}

double mean_over_heads(const HeadScores& scores) {
  double sum = 0.0;
  for (const HeadId& head : scores.heads()) {
    sum += scores[head];
  }
  return sum / static_cast<double>(scores.size());
}

// Rank correlation of lost attention with ΔNLL, or nothing.
OrderedJson agreement_of_lost(const OperatorSummary& summary) {
  for (const auto& [name, correlation] : summary.agreement) {
    if (name == "attention lost") {
      return correlation ? OrderedJson(*correlation) : OrderedJson();
    }
  }
  return {};
}

Table grid_table(const GridArguments& options, const std::vector<OperatorChoice>& grid) {
  Table table({{"operator"},
               {"mean ΔNLL", 5, "mean_delta_nll"},
               {"worst head", 3, "worst_head"},
               {"its ΔNLL", 4, "worst_delta_nll"},
               {"free heads", 0, "heads_within_1_percent"},
               {"retained"},
               {"density"},
               {"ρ(lost attention, ΔNLL)", 3, "spearman_retained"},
               {"trained with"}});
  for (const OperatorChoice& choice : grid) {
    const OperatorSummary summary = summarize(read_operator_results(result_file(options, choice)));
    const HeadId worst = ranked_heads(summary.delta_nll).front();
    const std::vector<HeadId> heads = summary.delta_nll.heads();
    const auto free = std::ranges::count_if(heads, [&](const HeadId& head) {
      return summary.delta_nll[head] <= 0.01 * summary.unchanged_nll;
    });
    table.row({to_string(choice),
               mean_over_heads(summary.delta_nll),
               to_string(worst),
               summary.delta_nll[worst],
               free,
               mean_over_heads(summary.of(OperatorMeasure::retained)),
               mean_over_heads(summary.of(OperatorMeasure::density)),
               agreement_of_lost(summary),
               choice.kind->untrained.empty() ? OrderedJson() : OrderedJson("no")});
  }
  return table;
}

void sweep(const GridArguments& options, const Invocation& invocation) {
  const std::vector<OperatorChoice> grid = read_operator_grid(options.grid);
  check_free(options, grid);
  catch_interrupts();
  const Model model = load_model(options.model, load_options(invocation.common));
  const std::vector<Prompt> prompts = operator_texts(options.texts, model, "operator sweep");
  std::filesystem::create_directories(options.out);
  if (!measure_all(options, grid, model, prompts, invocation)) {
    print_note(options.out + " holds every finished layer; --resume does the others");
    throw Interrupted();
  }
  const Table table = grid_table(options, grid);
  OrderedJson notes = OrderedJson::array();
  std::string lines;
  for (const OperatorChoice& choice : grid) {
    if (!choice.kind->untrained.empty()) {
      const std::string line = fmt::format("{}: {}", choice.kind->name, choice.kind->untrained);
      if (lines.find(line) == std::string::npos) {
        lines += line + "\n";
        notes.push_back(line);
      }
    }
  }
  const OrderedJson json{{"model", options.model},
                         {"texts", prompts.size()},
                         {"operators", table.json()},
                         {"untrained", notes}};
  write_file(std::filesystem::path(options.out) / "table.json", json.dump(1) + "\n");
  show(invocation,
       json,
       table.text() + "\n" + lines +
           fmt::format("{}: a result of every operator, of {}\n",
                       options.out,
                       counted(prompts.size(), "text")));
}

void add_options(CLI::App& app, GridArguments& options) {
  add_model(app, options.model);
  app.add_option("SPEC", options.grid, "A grid of operators (JSON)")
      ->required()
      ->check(names_a_file);
  add_operator_texts(app, options.texts);
  add_operator_control(app, options.control);
  app.add_option("-o,--output", options.out, "A folder for the results, a file each and table.json")
      ->required();
  app.add_flag("--resume", options.resume, "Go on with a sweep that was stopped");
}

}  // namespace

Verb operator_sweep_verb() {
  return {
      .name = "operator sweep",
      .summary = "A grid of operators and their parameters, every head under each",
      .example =
          "  echo '{\"format\": \"headscope-operator-grid\", \"version\": 1, \"operators\":\n"
          "    [\"top-k:k=16\", {\"operator\": \"streaming\", \"sink\": [0, 4], \"local\": [16, "
          "64]}]}' > grid.json\n"
          "  headscope operator sweep smollm2 grid.json --text book.txt -o grid/\n"
          "  headscope operator plan smollm2 --method greedy --from "
          "grid/streaming-sink4-local64.h5 "
          "--budget 0.5 -o plan.json\n"
          "\n"
          "Free heads are those that cost at most 1 % of the model's loss. Every result is one of "
          "operator measure.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<GridArguments>();
        add_options(app, *options);
        return [options, &app, &invocation] {
          check_operator_texts(app, options->texts);
          sweep(*options, invocation);
        };
      },
  };
}

}  // namespace headscope
