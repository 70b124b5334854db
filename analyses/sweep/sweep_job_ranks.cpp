// A sweep that several processes share: each runs blocks of it into a file of its own, and one of
// them joins the files. Which rows a block has does not depend on who runs it, so that the result
// has the bits that one process would have computed, however many there were and whoever died.
#include <algorithm>
#include <bit>
#include <chrono>
#include <sstream>
#include <thread>

#include "analyses/cluster/block_queue.h"
#include "analyses/cluster/rank_group.h"
#include "analyses/results/result_file.h"
#include "analyses/sweep/rank_metrics.h"
#include "analyses/sweep/rank_shards.h"
#include "analyses/sweep/sweep_job.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/paths.h"

namespace headscope {
namespace {

constexpr double kLookShare = 0.02;  // seconds between two looks at all, for each of them
constexpr auto kShortNap = std::chrono::milliseconds(20);

// What must be the same in all ranks.
Json agreed_on(const ResultHeader& header) {
  Json all = header.provenance.at("identity");
  all["kind"] = header.kind;
  all["metric"] = header.metric;
  return all;
}

std::string baseline_key(Run run) {
  return fmt::format("baseline/{}", to_string(run));
}

// Bits as text, so that ranks compare and take over exactly what one computed.
std::string bits_text(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) {
    text += fmt::format("{:016x}", std::bit_cast<std::uint64_t>(value));
  }
  return text;
}

std::vector<double> values_of_bits(const std::string& text) {
  std::vector<double> values;
  for (std::size_t at = 0; at + 16 <= text.size(); at += 16) {
    values.push_back(std::bit_cast<double>(std::stoull(text.substr(at, 16), nullptr, 16)));
  }
  return values;
}

// This rank's file, and what the others' say.
class RankSink final : public SweepSink {
 public:
  RankSink(ResultStore& own, std::vector<std::uint8_t> elsewhere, RankGroup& ranks)
      : own_(own), elsewhere_(std::move(elsewhere)), ranks_(ranks) {}

  [[nodiscard]] bool done(std::int64_t cell, std::int64_t prompt) const override {
    return elsewhere_[static_cast<std::size_t>(cell * own_.prompts() + prompt)] != 0 ||
           own_.done(cell, prompt);
  }
  void put(const std::vector<ResultStore::Value>& values) override { own_.put(values); }

  // Ranks on unlike machines differ here first: to be told before any cell is measured.
  void put_baseline(Run run, const std::vector<double>& per_prompt) override {
    const std::string mine = bits_text(per_prompt);
    if (ranks_.store().compare_set(baseline_key(run), "", mine) != mine) {
      throw DataError(
          "the {} runs of rank {} are not bit for bit those of the rank that was first; run all "
          "ranks on like machines, with like libraries and the same --threads",
          to_string(run),
          ranks_.place().rank);
    }
    own_.put_baseline(run, per_prompt);
  }

 private:
  ResultStore& own_;
  std::vector<std::uint8_t> elsewhere_;
  RankGroup& ranks_;
};

// What the ranks' queue says, asked until there is something to do.
class QueuedBlocks final : public SweepBlocks {
 public:
  QueuedBlocks(RankGroup& ranks,
               int first_ranks,
               const SweepJobOptions& options,
               std::function<bool()> stopped)
      : ranks_(ranks),
        first_ranks_(first_ranks),
        options_(options),
        metrics_(options.out, ranks.place().rank),
        stopped_(std::move(stopped)) {}

  void begin(std::int64_t blocks) override {
    blocks_ = blocks;
    queue_.emplace(ranks_.store(),
                   BlockQueueOptions{.blocks = blocks,
                                     .ranks = first_ranks_,
                                     .rank = ranks_.place().rank,
                                     .lease = ranks_.lease()},
                   steady_seconds);
  }

  std::optional<BlockRange> next() override {
    for (;;) {
      if (stopped_()) {
        return {};
      }
      const BlockQueue::Turn turn = queue_->next();
      metrics_.turn(turn);
      tell();
      if (turn.kind == BlockQueue::Turn::Kind::run) {
        return turn.blocks;
      }
      if (turn.kind == BlockQueue::Turn::Kind::finished) {
        tell(Often::now);
        return {};
      }
      const double until = steady_seconds() + turn.seconds;
      while (steady_seconds() < until && !stopped_()) {
        std::this_thread::sleep_for(kShortNap);
      }
    }
  }

  // Of a rank that stops early.
  void give_back() {
    if (queue_) {
      queue_->give_back();
    }
  }

 private:
  enum class Often { seldom, now };

  // A look at every rank costs the store as many operations: seldom, where there are many.
  void tell(Often often = Often::seldom) {
    const double now = steady_seconds();
    if (options_.watch_ranks && (often == Often::now || now >= next_look_)) {
      next_look_ = now + std::max(1.0, kLookShare * ranks_.place().size);
      options_.watch_ranks({queue_->done(), blocks_});
    }
  }

  RankGroup& ranks_;
  int first_ranks_;
  const SweepJobOptions& options_;
  RankMetrics metrics_;
  std::int64_t blocks_ = 0;
  double next_look_ = 0.0;
  std::function<bool()> stopped_;
  std::optional<BlockQueue> queue_;
};

}  // namespace

SweepOutcome SweepJob::over_ranks() {
  RankGroup& ranks = *options_.ranks;
  try {
    return share(ranks);
  } catch (const std::exception& error) {
    ranks.fail(error.what());
    throw;
  }
}

// What all ranks must agree on, and the batches that they run in: those of files that are gone on
// with, or what the first rank has memory for.
std::string SweepJob::sweep_text(RankGroup& ranks) {
  for (const std::filesystem::path& path : shards_of(options_.out)) {
    const Json provenance = read_result(path).header.provenance;
    if (provenance.contains(kBatchesOfFile)) {
      sweep_.plan = plan_from(provenance[kBatchesOfFile]);
      break;
    }
  }
  return dumped({{"identity", agreed_on(header_)},
                 {"batches", plan_json(method_.check(planned()))},
                 {"ranks", ranks.place().size}});
}

void SweepJob::agree(RankGroup& ranks) {
  const Json there = Json::parse(ranks.once("sweep", [&] { return sweep_text(ranks); }));
  const Json here{{"identity", agreed_on(header_)}};
  if (const auto differs = identity_difference(there, here)) {
    throw UsageError(
        "rank {} is not of the sweep that the first rank began: {} is {} there but {} here; start "
        "all ranks with one command, the same files and the same version",
        ranks.place().rank,
        differs->what,
        differs->there,
        differs->here);
  }
  sweep_.plan = plan_from(there["batches"]);
  sweep_.memory = std::max(options_.memory, options_.memory_if_begun);
  sweep_.plan = method_.check(planned());
  header_.provenance[kBatchesOfFile] = plan_json(*sweep_.plan);
  header_.provenance["shard"] = fmt::format("{}{}", kRankShard, ranks.place().rank);
  header_.provenance["ranks"] = there["ranks"];
}

// Until nothing is left to do anywhere.
SweepOutcome SweepJob::run_share(RankGroup& ranks, ResultStore& own) {
  RankSink sink(own, done_in_others(options_.out, ranks.place().rank, header_), ranks);
  const auto stopped = [&] { return ranks.stopped() || (options_.stop && options_.stop()); };
  QueuedBlocks blocks(ranks, header_.provenance["ranks"].get<int>(), options_, stopped);
  Baselines known(task_.items.size());
  known.clean = values_of_bits(ranks.store().get(baseline_key(Run::clean)));
  known.corrupted = values_of_bits(ranks.store().get(baseline_key(Run::corrupted)));
  SweepOutcome outcome;
  if (std::ssize(known.clean) == prompts() && std::ssize(known.corrupted) == prompts()) {
    sweep_.baselines = &known;
    outcome.start = SweepOutcome::Start::resumed;
  }
  sweep_.blocks = &blocks;
  sweep_.stop = stopped;
  outcome.finished = method_.execute(planned(), sink);
  if (!outcome.finished && !ranks.stopped()) {
    blocks.give_back();
  }
  sweep_.blocks = nullptr;
  sweep_.baselines = nullptr;
  ranks.check();
  check_fired(outcome);
  return outcome;
}

SweepOutcome SweepJob::share(RankGroup& ranks) {
  const std::filesystem::path out = options_.out;
  const double start = steady_seconds();
  ranks.once("begin", [&] {
    prepare_shards(out, options_.if_exists);
    return std::string();
  });
  agree(ranks);
  SweepOutcome outcome;
  {
    ResultStore own(shard_of_rank(out, ranks.place().rank), header_, IfExists::resume);
    outcome = run_share(ranks, own);
  }
  if (!outcome.finished) {
    return outcome;
  }
  outcome.seconds = {steady_seconds() - start};
  outcome.merged_by = std::stoi(ranks.once("merge", [&] {
    merge_results(shards_of(out), out, IfExists::resume);
    return std::to_string(ranks.place().rank);
  }));
  if (outcome.merged_by == ranks.place().rank) {
    remove_shards(out);
    outcome.result = read_result(out);
  } else {  // a rank that came when all was done has made a file that nobody joined
    std::error_code ignored;
    std::filesystem::remove(shard_of_rank(out, ranks.place().rank), ignored);
    std::filesystem::remove(shard_folder(out), ignored);  // if nothing else is there
  }
  return outcome;
}

}  // namespace headscope
