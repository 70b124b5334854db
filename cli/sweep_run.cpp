#include "cli/sweep_run.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "analyses/sweep/effects.h"
#include "analyses/sweep/store_sink.h"
#include "cli/interrupt.h"
#include "cli/memory_check.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/result_view.h"
#include "cli/sweep_header.h"
#include "cli/sweep_progress.h"
#include "cli/task_input.h"
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

ResultHeader header_of(const Model& model,
                       const Task& task,
                       const Grid& grid,
                       const Invocation& invocation,
                       const SweepVerbOptions& options,
                       const SweepVerb& verb) {
  Json identity = verb.identity;
  identity["positions"] = options.positions;
  identity["execution"] = options.plain ? "plain" : "shared";
  ResultHeader header = sweep_header(model,
                                     task,
                                     grid.axes(),
                                     invocation,
                                     {.kind = verb.kind,
                                      .metric = options.metric,
                                      .title = verb.title,
                                      .identity = std::move(identity),
                                      .bos = options.bos});
  if (!options.shard.empty()) {
    header.provenance["shard"] = options.shard;
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
  const SweepVerb& method;

  // False if it was interrupted.
  [[nodiscard]] bool run(const Grid& grid, SweepSink& sink) const {
    SweepProgressBar bar(grid, static_cast<std::int64_t>(task.items.size()), spec.into, sink);
    SweepOptions with_bar = options;
    with_bar.progress = [&](const SweepProgress& progress) { bar.show(progress); };
    return method.execute ? method.execute({model, task, spec, with_bar}, bar)
                          : run_sweep(model, task, spec, with_bar, bar);
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

}  // namespace

std::int64_t memory_for(const std::string& option, const Model& model) {
  return option.empty() ? free_memory(model.device()) / 10 * 7 : parse_bytes(option);
}

void run_sweep_verb(const Invocation& invocation,
                    const SweepVerbOptions& options,
                    const SweepVerb& verb) {
  check(options);
  catch_interrupts();
  const Model model = load_model(
      options.model, {.device = invocation.common.device, .dtype = invocation.common.dtype});
  const Task task =
      task_for(model,
               options.task,
               {.bos = options.bos,
                .unfit = options.skip_unfit ? TaskOptions::Unfit::skip : TaskOptions::Unfit::fail});
  const SweepSpec spec = verb.spec(model, task);
  const Grid grid = grid_of(model, task, spec);
  const Shard shard = shard_of(options.shard, grid.size());
  Sweep sweep{model, task, spec, {.memory = memory_for(options.memory, model)}, options, verb};
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
  const Appendix appendix = verb.appendix
                                ? verb.appendix({model, task, spec, sweep.options}, outcome.result)
                                : Appendix{};
  if (!appendix.json.is_null()) {
    json.update(appendix.json);
  }
  show(invocation,
       json,
       result_text(outcome.result, options.top) + "\n" + appendix.text +
           seconds_text(outcome.seconds));
}

}  // namespace headscope
