// Blocks shared by ranks: each is run, whoever dies at whatever operation of the store.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <random>

#include <fmt/format.h>

#include "tests/cluster/simulated_ranks.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// Ranks that take turns at random; one is killed at a chosen operation of the store, and perhaps
// started anew. No time passes but a second a turn, so that leases run out.
class TurnByTurn {
 public:
  TurnByTurn(std::int64_t blocks, int ranks, std::uint64_t seed)
      : blocks_(blocks),
        first_ranks_(ranks),
        random_(seed),
        runs_(static_cast<std::size_t>(blocks), 0) {
    for (int rank = 0; rank < ranks; ++rank) {
      ranks_.push_back({rank, make(rank, ranks), {}, 0});
    }
  }

  // Kills whoever makes the operation of that number, before it has an effect if the number
  // is even, after it otherwise. Heartbeats are not counted.
  void kill_at(std::int64_t moment) {
    const auto strike = [this, moment] {
      if (in_turn_ && moments_++ == moment) {
        struck_ = true;
        throw Killed();
      }
    };
    store_.before = store_.after = strike;
  }

  // False if they do not come to an end.
  bool run() {
    for (int turn = 0; turn < 200'000; ++turn) {
      now_ += 1.0;
      std::erase_if(ranks_, [](const Rank& rank) { return rank.queue == nullptr; });
      if (ranks_.empty()) {
        return true;
      }
      Rank& rank = ranks_[random_() % ranks_.size()];
      for (Rank& each : ranks_) {
        store_.set(heartbeat_key(each.number), fmt::format("{}", each.beats++));
      }
      take_turn(rank);
    }
    return false;
  }

  [[nodiscard]] std::int64_t moments() const { return moments_; }
  [[nodiscard]] bool struck() const { return struck_; }
  [[nodiscard]] std::int64_t missing() const { return std::ranges::count(runs_, 0); }
  [[nodiscard]] std::int64_t twice() const {
    return std::ranges::count_if(runs_, [](int runs) { return runs > 1; });
  }

 private:
  struct Rank {
    int number;
    std::unique_ptr<BlockQueue> queue;
    BlockRange running;
    std::int64_t beats;
  };

  std::unique_ptr<BlockQueue> make(int rank, int ranks) {
    return std::make_unique<BlockQueue>(
        store_,
        BlockQueueOptions{.blocks = blocks_, .ranks = ranks, .rank = rank, .lease = 40.0},
        [this] { return now_; });
  }

  void take_turn(Rank& rank) {
    for (std::int64_t block = rank.running.first; block < rank.running.end; ++block) {
      ++runs_[static_cast<std::size_t>(block)];
    }
    in_turn_ = true;
    try {
      const BlockQueue::Turn turn = rank.queue->next();
      rank.running = turn.blocks;
      if (turn.kind == BlockQueue::Turn::Kind::finished) {
        rank.queue.reset();
      }
    } catch (const Killed&) {
      rank.running = {};
      rank.queue = random_() % 2 == 0 ? nullptr : make(rank.number, first_ranks_);
      if (rank.queue == nullptr && ranks_.size() == 1) {  // someone must be left to do the rest
        rank.queue = make(rank.number, first_ranks_);
      }
    }
    in_turn_ = false;
  }

  std::int64_t blocks_;
  int first_ranks_;
  std::mt19937_64 random_;
  MemoryStore store_;
  double now_ = 0.0;
  std::vector<Rank> ranks_;
  std::vector<int> runs_;
  std::int64_t moments_ = 0;
  bool struck_ = false;
  bool in_turn_ = false;
};

}  // namespace

TEST_CASE("ranks run each block once where nobody dies") {
  for (const int ranks : {1, 2, 3, 7}) {
    for (const std::int64_t blocks : {0, 1, 2, 5, 64}) {
      CAPTURE(ranks, blocks);
      TurnByTurn job(blocks, ranks, 3);
      CHECK(job.run());
      CHECK(job.missing() == 0);
      CHECK(job.twice() == 0);
    }
  }
}

TEST_CASE("a rank killed before or after any operation of the store loses no block") {
  int struck = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const int ranks = seed % 2 == 0 ? 3 : 2;  // of two, the other one alone is left
    TurnByTurn whole(24, ranks, seed);
    whole.kill_at(-1);  // nobody, but counted
    REQUIRE(whole.run());
    for (std::int64_t moment = 0; moment < whole.moments(); ++moment) {
      TurnByTurn job(24, ranks, seed);
      job.kill_at(moment);
      CAPTURE(seed, moment);
      REQUIRE(job.run());
      REQUIRE(job.missing() == 0);
      struck += job.struck() ? 1 : 0;
    }
  }
  CHECK(struck > 100);
}

TEST_CASE("simulated ranks that are killed and come back run everything") {
  const SimulatedOutcome outcome =
      SimulatedRanks({.blocks = 20'000, .ranks = 50, .kills = 0.5, .lease = 10.0, .seed = 5}).run();
  CAPTURE(outcome.seconds, outcome.overhead(), outcome.load(), outcome.killed, outcome.twice);
  CHECK(outcome.killed > 10);
  CHECK(outcome.missing == 0);
}

TEST_CASE("what the store costs a thousand ranks", "[.by_hand]") {
  for (const double kills : {0.0, 0.1}) {
    const SimulatedJob job{.blocks = 1'000'000, .ranks = 1000, .kills = kills};
    const SimulatedOutcome outcome = SimulatedRanks(job).run();
    std::cout << fmt::format(
        "{} ranks, {} blocks, {} killed: {:.0f} s, overhead {:.2f} %, {:.0f} operations a second "
        "({:.0f} in the busiest), {} blocks run twice, {} never\n",
        job.ranks,
        job.blocks,
        outcome.killed,
        outcome.seconds,
        100 * outcome.overhead(),
        outcome.load(),
        outcome.busiest,
        outcome.twice,
        outcome.missing);
    CHECK(outcome.missing == 0);
  }
}
