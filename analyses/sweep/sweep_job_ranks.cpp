// A sweep that several processes share: each runs blocks of it into a file of its own, and one of
// them joins the files. Which rows a block has does not depend on who runs it, so that the result
// has the bits that one process would have computed, however many there were and whoever died.
#include <algorithm>

#include "analyses/cluster/bits_text.h"
#include "analyses/cluster/queued_blocks.h"
#include "analyses/cluster/rank_files.h"
#include "analyses/cluster/rank_group.h"
#include "analyses/cluster/shared_work.h"
#include "analyses/results/result_file.h"
#include "analyses/sweep/rank_shards.h"
#include "analyses/sweep/sweep_job.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/paths.h"

namespace headscope {
namespace {

constexpr const char* kMerge = "merge";

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

// The batches that all run in: those of files that are gone on with, or what the first rank has
// memory for.
Json SweepJob::first_plan() {
  for (const std::filesystem::path& path : shards_of(options_.out)) {
    const Json provenance = read_result(path).header.provenance;
    if (provenance.contains(kBatchesOfFile)) {
      sweep_.plan = plan_from(provenance[kBatchesOfFile]);
      break;
    }
  }
  return plan_json(method_.check(planned()));
}

void SweepJob::settle(RankGroup& ranks) {
  const Json there = agree(ranks, agreed_on(header_), [&] { return first_plan(); });
  sweep_.plan = plan_from(there["more"]);
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
  QueuedBlocks blocks(ranks,
                      {.name = {},
                       .out = options_.out,
                       .first_ranks = header_.provenance["ranks"].get<int>(),
                       .stop = stopped,
                       .watch = options_.watch_ranks});
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
  settle(ranks);
  SweepOutcome outcome;
  try {
    ResultStore own(file_of_rank(out, ranks.place().rank, kShardEnding), header_, IfExists::resume);
    outcome = run_share(ranks, own);
  } catch (const Error&) {  // of files, or of the folder, that another rank joined and removed
    if (!ranks.is_done(kMerge)) {
      throw;
    }
    outcome.finished = true;
  }
  if (!outcome.finished) {
    return outcome;
  }
  outcome.seconds = {steady_seconds() - start};
  outcome.merged_by = std::stoi(ranks.once(kMerge, [&] {
    merge_results(shards_of(out), out, IfExists::resume);
    return std::to_string(ranks.place().rank);
  }));
  if (outcome.merged_by == ranks.place().rank) {
    remove_rank_files(out);
    outcome.result = read_result(out);
  } else {  // a rank that came when all was done has made a file that nobody joined
    remove_file_of_rank(out, ranks.place().rank, kShardEnding);
  }
  return outcome;
}

}  // namespace headscope
