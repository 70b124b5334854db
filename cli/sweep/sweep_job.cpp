#include "cli/sweep/sweep_job.h"

#include <chrono>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "analyses/sweep/store_sink.h"
#include "cli/interrupt.h"
#include "cli/sweep/sweep_header.h"
#include "cli/sweep/sweep_progress.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/paths.h"
#include "lib/tensor/backend.h"

namespace headscope {
namespace {

using Clock = std::chrono::steady_clock;

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

SweepOptions sweep_options(const SweepVerbOptions& options, const Model& model, const Grid& grid) {
  const Shard shard = shard_of(options.shard, grid.size());
  SweepOptions sweep{.memory = memory_for(options.memory, model)};
  sweep.execution =
      options.plain ? SweepOptions::Execution::plain : SweepOptions::Execution::shared;
  sweep.first_cell = shard.first;
  sweep.end_cell = shard.end;
  sweep.stop = interrupted;
  return sweep;
}

ResultHeader header_of(const Model& model,
                       const Task& task,
                       const Grid& grid,
                       const Invocation& invocation,
                       const SweepVerbOptions& options,
                       const SweepVerb& verb) {
  Json identity = verb.identity;
  identity["positions"] = options.positions;
  identity["execution"] = options.plain || model.standing() ? "plain" : "shared";
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

IfExists if_exists(const SweepVerbOptions& options) {
  return options.overwrite ? IfExists::replace : options.resume ? IfExists::resume : IfExists::fail;
}

Result result_of(const SweepTable& table, ResultHeader header) {
  Result result{std::move(header), {}, table.clean(), table.corrupted()};
  result.per_prompt = table.values();
  for (const double value : result.per_prompt) {
    result.done += std::isnan(value) ? 0 : 1;
  }
  return result;
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

std::int64_t memory_for(const std::string& option, const Model& model) {
  return option.empty() ? free_memory(model.device()) / 10 * 7 : parse_bytes(option);
}

SweepJob::SweepJob(const Model& model,
                   const Task& task,
                   const Invocation& invocation,
                   const SweepVerbOptions& options,
                   const SweepVerb& verb)
    : model_(model),
      task_(task),
      options_(options),
      verb_(verb),
      spec_(verb.spec(model, task)),
      grid_(grid_of(model, task, spec_)),
      sweep_(sweep_options(options, model, grid_)),
      header_(header_of(model, task, grid_, invocation, options, verb)) {}

void SweepJob::check() const {
  if (verb_.check) {
    verb_.check(in_hand());
  } else {
    check_sweep(model_, task_, spec_, sweep_);
  }
  if (!options_.resume || !path_exists(options_.out)) {
    return;
  }
  try {
    ResultStore(options_.out, header_, IfExists::resume);
  } catch (const UsageError& error) {
    throw UsageError("{} (here: another \"name\" or \"output\")", error.what());
  }
}

SweepOutcome SweepJob::run(const ReadyBaselines& baselines) {
  return options_.out.empty() ? in_memory() : to_file(baselines);
}

Appendix SweepJob::appendix(const Result& result) const {
  return verb_.appendix ? verb_.appendix(in_hand(), result) : Appendix{};
}

bool SweepJob::run_into(SweepSink& sink) const {
  SweepProgressBar bar(grid_, prompts(), spec_.into, sink);
  SweepOptions with_bar = sweep_;
  with_bar.progress = [&](const SweepProgress& progress) { bar.show(progress); };
  return verb_.execute ? verb_.execute({model_, task_, spec_, with_bar}, bar)
                       : run_sweep(model_, task_, spec_, with_bar, bar);
}

bool SweepJob::nothing_left(const ResultStore& store) const {
  const std::int64_t end = sweep_.end_cell < 0 ? grid_.size() : sweep_.end_cell;
  for (std::int64_t cell = sweep_.first_cell; cell < end; ++cell) {
    for (std::int64_t prompt = 0; prompt < prompts(); ++prompt) {
      if (!store.done(cell, prompt)) {
        return false;
      }
    }
  }
  return true;
}

SweepOutcome SweepJob::to_file(const ReadyBaselines& baselines) {
  ResultStore store(options_.out, header_, if_exists(options_));
  SweepOutcome outcome{.start = store.done_count() == 0 ? SweepOutcome::Start::fresh
                                                        : SweepOutcome::Start::resumed};
  if (nothing_left(store)) {
    store.finish();  // a kill may have come between the last value and this
    return {read_result(options_.out), true, SweepOutcome::Start::finished};
  }
  StoreSink sink(store);
  const auto start = Clock::now();
  try {
    sweep_.baselines = baselines ? baselines() : nullptr;
    outcome.finished = run_into(sink);
  } catch (...) {
    if (store.done_count() == 0) {  // nothing is lost, and nothing stands in the next try's way
      std::filesystem::remove(options_.out);
    }
    throw;
  }
  store.finish();
  outcome.seconds = {seconds_since(start)};
  outcome.result = read_result(options_.out);
  return outcome;
}

SweepOutcome SweepJob::in_memory() {
  SweepOutcome outcome;
  for (int i = 0; i < options_.repeats; ++i) {
    SweepTable table(grid_.size(), prompts());
    const auto start = Clock::now();
    outcome.finished = run_into(table);
    outcome.seconds.push_back(seconds_since(start));
    outcome.result = result_of(table, header_);
    if (!outcome.finished) {
      break;
    }
  }
  return outcome;
}

}  // namespace headscope
