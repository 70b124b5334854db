#include "analyses/sweep/sweep_job.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "analyses/sweep/store_sink.h"
#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/base/error_context.h"
#include "lib/base/json.h"
#include "lib/base/paths.h"
#include "lib/model/standing_change.h"

namespace headscope {
namespace {

using Clock = std::chrono::steady_clock;

struct CellRange {
  std::int64_t first = 0;
  std::int64_t end = -1;
};

// "2/8": the second of eight runs of cells, as even as can be.
CellRange shard_of(const std::string& text, std::int64_t cells) {
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
    throw UsageError("--shard {}: the grid has only {}", text, counted(cells, "cell"));
  }
  return {cells * (i - 1) / n, cells * i / n};
}

SweepOptions sweep_options(const SweepJobOptions& options,
                           const SweepRequest& request,
                           const Grid& grid) {
  const CellRange shard = shard_of(options.shard, grid.size());
  SweepOptions sweep{.memory = options.memory};
  sweep.execution =
      request.plain ? SweepOptions::Execution::plain : SweepOptions::Execution::shared;
  sweep.first_cell = shard.first;
  sweep.end_cell = shard.end;
  sweep.stop = options.stop;
  return sweep;
}

ResultHeader header_of(const Model& model,
                       const Task& task,
                       const Grid& grid,
                       const SweepMethod& method,
                       const ResultOrigin& origin,
                       const std::string& shard) {
  const SweepRequest& request = method.request;
  Json identity = method.identity();
  identity["positions"] = request.positions;
  identity["execution"] = request.plain || model.standing() ? "plain" : "shared";
  ResultHeader header = result_header(model,
                                      task,
                                      grid.axes(),
                                      origin,
                                      {.kind = method.kind(),
                                       .metric = request.metric,
                                       .title = method.title(),
                                       .identity = std::move(identity),
                                       .bos = request.bos});
  if (!shard.empty()) {
    header.provenance["shard"] = shard;
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

// An error under way is not to be hidden by one of removing a file.
void remove_quietly(const std::filesystem::path& path) {
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

SweepJob::SweepJob(const Model& model,
                   const Task& task,
                   SweepMethod& method,
                   const ResultOrigin& origin,
                   const SweepJobOptions& options)
    : model_(model),
      task_(task),
      options_(options),
      method_(method),
      spec_(method.spec(model, task)),
      grid_(grid_of(model, task, spec_)),
      sweep_(sweep_options(options, method.request, grid_)),
      header_(header_of(model, task, grid_, method, origin, options.shard)) {}

void SweepJob::check() const {
  method_.check(planned());
}

bool SweepJob::goes_on() const {
  return options_.if_exists == IfExists::resume && path_exists(options_.out);
}

void SweepJob::check_file() const {
  if (!goes_on()) {
    return;
  }
  const ResultStore store(options_.out, header_, IfExists::resume);
  if (!nothing_left(store)) {
    method_.check({model_, task_, spec_, in_batches_of_file()});
  }
}

// As the file was begun, so that what is left rounds as if nothing had stopped it. Files of earlier
// versions do not say.
SweepOptions SweepJob::in_batches_of_file() const {
  SweepOptions sweep = sweep_;
  const Json provenance = read_result(options_.out).header.provenance;
  if (provenance.contains(kBatchesOfFile)) {
    sweep.plan = with_context(options_.out, [&] { return plan_from(provenance[kBatchesOfFile]); });
    sweep.memory = std::max(options_.memory, options_.memory_if_begun);
  }
  return sweep;
}

// Of a sweep gone on with, or of stored passes, an intervention may have fired before.
void SweepJob::check_fired(const SweepOutcome& outcome) const {
  if (model_.standing() && outcome.finished && outcome.start == SweepOutcome::Start::fresh &&
      method_.passes() == SweepMethod::Passes::made) {
    check_fired_since(*model_.standing(), fired_before_);
  }
}

// Baselines that an earlier sweep ran are runs of this one too.
void SweepJob::count_baselines() {
  if (sweep_.baselines == nullptr) {
    return;
  }
  const std::vector<std::int64_t>& fired = sweep_.baselines->fired;
  for (std::size_t part = 0; part < std::min(fired.size(), fired_before_.size()); ++part) {
    fired_before_[part].values -= fired[part];
  }
}

SweepOutcome SweepJob::run(const ReadyBaselines& baselines) {
  if (model_.standing()) {
    fired_before_ = model_.standing()->fired();
  }
  if (options_.ranks != nullptr) {
    return over_ranks();
  }
  return options_.out.empty() ? in_memory() : to_file(baselines);
}

bool SweepJob::run_into(SweepSink& sink) const {
  if (!options_.watch) {
    return method_.execute(planned(), sink);
  }
  const auto watch = options_.watch({grid_, prompts(), spec_.into, sink});
  SweepOptions told = sweep_;
  told.progress = [&](const SweepProgress& progress) { watch->show(progress); };
  return method_.execute({model_, task_, spec_, told}, *watch);
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
  const bool begun = goes_on();
  if (!begun) {
    sweep_.plan = method_.check(planned());
    header_.provenance[kBatchesOfFile] = plan_json(*sweep_.plan);
  }
  ResultStore store(options_.out, header_, options_.if_exists);
  SweepOutcome outcome{.start = store.done_count() == 0 ? SweepOutcome::Start::fresh
                                                        : SweepOutcome::Start::resumed};
  if (nothing_left(store)) {
    store.finish();  // a kill may have come between the last value and this
    return {read_result(options_.out), true, SweepOutcome::Start::finished};
  }
  if (begun) {
    sweep_ = in_batches_of_file();
    sweep_.plan = method_.check(planned());
  }
  StoreSink sink(store);
  const auto start = Clock::now();
  try {
    sweep_.baselines = baselines ? baselines(sweep_.plan->baseline_tokens) : nullptr;
    count_baselines();
    outcome.finished = run_into(sink);
  } catch (...) {
    if (store.done_count() == 0) {  // nothing is lost, and nothing stands in the next try's way
      remove_quietly(options_.out);
    }
    throw;
  }
  try {
    check_fired(outcome);
  } catch (...) {  // it would read as a sweep of a model changed in this way
    remove_quietly(options_.out);
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
      return outcome;
    }
  }
  check_fired(outcome);
  return outcome;
}

}  // namespace headscope
