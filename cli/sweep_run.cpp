#include "cli/sweep_run.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <map>
#include <sstream>

#include <CLI/CLI.hpp>

#include "analyses/sweep/effects.h"
#include "analyses/sweep/store_sink.h"
#include "cli/interrupt.h"
#include "cli/memory_check.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/result_view.h"
#include "cli/sweep_progress.h"
#include "hooks/provenance.h"
#include "lib/base/error.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

struct Shard {
  std::int64_t first = 0;
  std::int64_t end = -1;
};

// "2/8": the second of eight runs of cells, as even as can be.
Shard shard_of(const std::string& text, std::int64_t cells) {
  if (text.empty()) {
    return {};
  }
  std::int64_t i = 0;
  std::int64_t n = 0;
  char slash = 0;
  std::istringstream in(text);
  if (!(in >> i >> slash >> n) || slash != '/' || in.peek() != EOF || n < 1 || i < 1 || i > n) {
    throw UsageError("--shard {}: not I/N with 1 ≤ I ≤ N, for example 2/8", text);
  }
  if (n > cells) {
    throw UsageError("--shard {}: the grid has only {} cells", text, cells);
  }
  return {cells * (i - 1) / n, cells * i / n};
}

// Most of what is free: the rest is for what no estimate knows.
std::int64_t memory_of(const SweepVerbOptions& options, const Model& model) {
  return options.memory.empty() ? free_memory(model.device()) / 10 * 7
                                : parse_bytes(options.memory);
}

ResultHeader header_of(const Model& model,
                       const Task& task,
                       const Grid& grid,
                       const Invocation& invocation,
                       const SweepVerbOptions& options,
                       const SweepVerb& verb) {
  ResultHeader header{verb.kind, options.metric, grid.axes(), {}, {}, {}};
  header.provenance = provenance(model,
                                 {.command_line = invocation.command_line,
                                  .seed = invocation.common.seed,
                                  .prepend_bos = options.bos});
  Json& identity = header.provenance["identity"];
  identity.update(verb.identity);
  identity["task_hash"] = task.hash;
  identity["positions"] = options.positions;
  identity["execution"] = options.plain ? "plain" : "shared";
  header.provenance["task"] = task.name;
  header.provenance["title"] = verb.title;
  if (!options.shard.empty()) {
    header.provenance["shard"] = options.shard;
  }
  for (const TaskItem& item : task.items) {
    header.prompt_ids.push_back(item.id);
    header.templates.push_back(item.template_name);
  }
  return header;
}

Result result_of(const SweepTable& table, ResultHeader header) {
  Result result{std::move(header), {}, table.clean(), table.corrupted()};
  result.per_prompt = table.values();
  for (const double value : result.per_prompt) {
    result.done += std::isnan(value) ? 0 : 1;
  }
  return result;
}

struct Sweep {
  const Model& model;
  const Task& task;
  const SweepSpec& spec;
  SweepOptions options;
  const SweepVerbOptions& verb;

  // False if it was interrupted.
  [[nodiscard]] bool run(const Grid& grid, SweepSink& sink) const {
    SweepProgressBar bar(grid, static_cast<std::int64_t>(task.items.size()), sink);
    SweepOptions with_bar = options;
    with_bar.progress = [&](const SweepProgress& progress) { bar.show(progress); };
    return run_sweep(model, task, spec, with_bar, bar);
  }
};

struct Outcome {
  Result result;
  bool finished = false;
  std::vector<double> seconds;  // of each repeat
};

Outcome sweep_to_file(const Sweep& sweep, const Grid& grid, const ResultHeader& header) {
  const IfExists if_exists = sweep.verb.overwrite ? IfExists::replace
                             : sweep.verb.resume  ? IfExists::resume
                                                  : IfExists::fail;
  ResultStore store(sweep.verb.out, header, if_exists);
  StoreSink sink(store);
  const auto start = std::chrono::steady_clock::now();
  bool finished = false;
  try {
    finished = sweep.run(grid, sink);
  } catch (...) {
    if (store.done_count() == 0) {  // nothing is lost, and nothing stands in the next try's way
      std::filesystem::remove(sweep.verb.out);
    }
    throw;
  }
  store.finish();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return {read_result(sweep.verb.out), finished, {took.count()}};
}

Outcome sweep_in_memory(const Sweep& sweep, const Grid& grid, const ResultHeader& header) {
  Outcome outcome;
  for (int i = 0; i < sweep.verb.repeats; ++i) {
    SweepTable table(grid.size(), static_cast<std::int64_t>(sweep.task.items.size()));
    const auto start = std::chrono::steady_clock::now();
    outcome.finished = sweep.run(grid, table);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    outcome.seconds.push_back(took.count());
    outcome.result = result_of(table, header);
    if (!outcome.finished) {
      break;
    }
  }
  return outcome;
}

std::string seconds_text(std::vector<double> seconds) {
  if (seconds.empty()) {
    return "";
  }
  std::sort(seconds.begin(), seconds.end());
  const std::string fastest = format_seconds(seconds.front());
  return seconds.size() == 1 ? fmt::format("took {}\n", fastest)
                             : fmt::format("took {} at least, {} in the median of {} runs\n",
                                           fastest,
                                           format_seconds(seconds[seconds.size() / 2]),
                                           seconds.size());
}

void check(const SweepVerbOptions& options) {
  if (options.out.empty() && (options.resume || options.overwrite || !options.shard.empty())) {
    throw UsageError("--resume, --overwrite and --shard speak of a file: name it with -o");
  }
  if (options.repeats > 1 && !options.out.empty()) {
    throw UsageError("--repeats is a benchmark in memory; leave out -o");
  }
  find_metric(options.metric);  // before the model is loaded
}

Task task_of(const SweepVerbOptions& options, const Model& model) {
  const Tokenizer* tokenizer = model.has_tokenizer() ? &model.tokenizer() : nullptr;
  Task task = read_task(
      options.task,
      tokenizer,
      model.config().n_ctx,
      model.config().d_vocab,
      {.bos = options.bos,
       .unfit = options.skip_unfit ? TaskOptions::Unfit::skip : TaskOptions::Unfit::fail});
  if (task.skipped > 0) {
    print_note(fmt::format(
        "{}: {} items do not fit this model and are left out", options.task, task.skipped));
  }
  return task;
}

}  // namespace

void run_sweep_verb(const Invocation& invocation,
                    const SweepVerbOptions& options,
                    const SweepVerb& verb) {
  check(options);
  catch_interrupts();
  const Model model = load_model(
      options.model, {.device = invocation.common.device, .dtype = invocation.common.dtype});
  const Task task = task_of(options, model);
  const SweepSpec spec = verb.spec(model, task);
  const Grid grid = grid_of(model, task, spec);
  const Shard shard = shard_of(options.shard, grid.size());
  Sweep sweep{model, task, spec, {.memory = memory_of(options, model)}, options};
  sweep.options.execution =
      options.plain ? SweepOptions::Execution::plain : SweepOptions::Execution::shared;
  sweep.options.first_cell = shard.first;
  sweep.options.end_cell = shard.end;
  sweep.options.stop = interrupted;
  const ResultHeader header = header_of(model, task, grid, invocation, options, verb);
  const Outcome outcome = options.out.empty() ? sweep_in_memory(sweep, grid, header)
                                              : sweep_to_file(sweep, grid, header);
  if (!outcome.finished) {
    print_note(
        options.out.empty()
            ? "interrupted; with -o FILE nothing would be lost"
            : fmt::format("{} holds every finished cell; --resume does the others", options.out));
    throw Interrupted();
  }
  OrderedJson json = result_json(outcome.result, options.per_prompt, options.top);
  json["seconds"] = outcome.seconds;
  show(invocation,
       json,
       result_text(outcome.result, options.top) + "\n" + seconds_text(outcome.seconds));
}

void add_sweep_options(CLI::App& app, SweepVerbOptions& options) {
  add_model(app, options.model);
  app.add_option("--task", options.task, "A task file (headscope task make)")->required();
  app.add_option("-o,--output", options.out, "The file of results to write (.h5)");
  app.add_option("--metric", options.metric, "What a run is judged by")
      ->check(CLI::IsMember([] {
        std::vector<std::string> names;
        for (const Metric& metric : all_metrics()) {
          names.emplace_back(metric.name);
        }
        return names;
      }()))
      ->capture_default_str();
  app.add_option("--positions",
                 options.positions,
                 "What is changed: all, end, a span of the task, or token numbers 3,5 (from the "
                 "end: -1)")
      ->capture_default_str();
  app.add_flag("--resume", options.resume, "Go on with an unfinished file");
  app.add_flag("--overwrite", options.overwrite, "Replace an existing file")->excludes("--resume");
  app.add_option("--shard", options.shard, "I/N: the I-th of N parts; headscope merge joins them");
  app.add_option("--memory", options.memory, "The most to take beside the weights, as in 4GB")
      ->default_str("70 % of what is free");
  app.add_flag(
      "--plain", options.plain, "One edit and one whole forward pass a cell: the slow check");
  app.add_flag("--per-prompt", options.per_prompt, "Every prompt's value in --json too");
  app.add_flag("--skip-unfit", options.skip_unfit, "Leave out items that do not fit the tokenizer");
  app.add_option("--top", options.top, "Cells to list")->capture_default_str();
  app.add_option(
         "--repeats", options.repeats, "Run the whole sweep so often and say how long it took")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  add_prepend_bos(app, options.bos);
}

std::int64_t parse_bytes(const std::string& text) {
  static const std::map<std::string, double> units{{"", 1},
                                                   {"B", 1},
                                                   {"kB", 1e3},
                                                   {"KB", 1e3},
                                                   {"MB", 1e6},
                                                   {"GB", 1e9},
                                                   {"TB", 1e12},
                                                   {"KiB", 1024.},
                                                   {"MiB", 1048576.},
                                                   {"GiB", 1073741824.}};
  double number = 0.0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  std::string unit(stop, end);
  unit.erase(
      0,
      unit.find_first_not_of(' ') == std::string::npos ? unit.size() : unit.find_first_not_of(' '));
  const auto found = units.find(unit);
  if (error != std::errc() || found == units.end() || !(number > 0) ||
      number * found->second > 9e18) {
    throw UsageError("--memory {}: not a size, for example 4GB or 512MB", text);
  }
  return static_cast<std::int64_t>(number * found->second);
}

OverAxes parse_over(const std::string& text) {
  if (text == "layer") {
    return {};
  }
  if (text == "layer,head") {
    return {.heads = true};
  }
  if (text == "layer,pos") {
    return {.positions = true};
  }
  if (text == "layer,head,pos") {
    return {.heads = true, .positions = true};
  }
  throw UsageError("--over {}: layer, layer,head, layer,pos or layer,head,pos", text);
}

}  // namespace headscope
