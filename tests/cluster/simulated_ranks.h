// Ranks that share blocks through one store, as discrete events: no time passes but on a clock of
// the simulation's, whose store serves one operation after the other.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <queue>
#include <random>
#include <vector>

#include <fmt/format.h>

#include "analyses/cluster/block_queue.h"
#include "tests/cluster/memory_store.h"

namespace headscope::test {

struct SimulatedJob {
  std::int64_t blocks = 0;
  int ranks = 0;
  double block_seconds = 0.5;  // in the mean; each takes between half and thrice that
  double slow_ranks = 0.05;    // this share of ranks takes twice as long
  double kills = 0.0;          // expected of each rank, over the job's ideal time
  double comes_back = 0.5;     // the chance that a killed one is started anew
  double lease = 30.0;
  double service = 20e-6;   // seconds of the store for one operation
  double latency = 200e-6;  // seconds on the way there and back
  std::uint64_t seed = 1;
};

struct SimulatedOutcome {
  double seconds = 0.0;         // until the last rank knew that all is done
  double useful = 0.0;          // seconds of blocks that counted
  double alive = 0.0;           // seconds that ranks were there
  std::int64_t operations = 0;  // of the store
  double busiest = 0.0;         // the most operations in one second
  std::int64_t killed = 0;
  std::int64_t missing = 0;  // blocks that nobody ran
  std::int64_t twice = 0;    // runs of a block beyond its first
  [[nodiscard]] double overhead() const { return 1.0 - useful / alive; }
  [[nodiscard]] double load() const { return static_cast<double>(operations) / seconds; }
};

class SimulatedRanks {
 public:
  explicit SimulatedRanks(const SimulatedJob& job)
      : job_(job),
        random_(job.seed),
        ranks_(static_cast<std::size_t>(job.ranks)),
        runs_(static_cast<std::size_t>(job.blocks), 0) {
    store_.before = [this] { serve(); };
    store_.after = [this] { now_ += job_.latency / 2; };
  }

  SimulatedOutcome run() {
    for (int rank = 0; rank < job_.ranks; ++rank) {
      start(rank, chance() * 2.0);
    }
    while (!events_.empty()) {
      const Event event = events_.top();
      events_.pop();
      Rank& rank = ranks_[static_cast<std::size_t>(event.rank)];
      if (event.life == rank.life && rank.queue) {
        now_ = event.at;
        happen(event, rank);
      } else if (event.kind == Event::Kind::begin) {
        now_ = event.at;
        begin(event.rank);
      }
    }
    return summary();
  }

 private:
  struct Event {
    enum class Kind { begin, step, beat, kill } kind;
    double at;
    int rank;
    int life;  // of the rank: what was planned for an earlier one is void
    bool operator<(const Event& other) const { return at > other.at; }
  };
  struct Rank {
    std::unique_ptr<BlockQueue> queue;
    std::unique_ptr<RankWatch> watch;
    int life = 0;
    std::int64_t beats = 0;
    double since = 0.0;
    BlockRange running{};
  };

  double chance() { return std::uniform_real_distribution<double>(0.0, 1.0)(random_); }

  // The store takes so many operations in each hundredth of a second; one that finds it full waits
  // for the next. (A rank's operations are simulated together, those of others in between later, so
  // that who came first cannot be told more finely.)
  void serve() {
    now_ += job_.latency / 2 + job_.service;
    auto slot = static_cast<std::size_t>(now_ / kSlot);
    const auto most = static_cast<std::int64_t>(kSlot / job_.service);
    for (;; ++slot) {
      asked_.resize(std::max(asked_.size(), slot + 1), 0);
      if (asked_[slot] < most) {
        break;
      }
      now_ = static_cast<double>(slot + 1) * kSlot;
    }
    ++asked_[slot];
  }

  void start(int rank, double at) { events_.push({Event::Kind::begin, at, rank, -1}); }

  void begin(int number) {
    Rank& rank = ranks_[static_cast<std::size_t>(number)];
    rank.queue = std::make_unique<BlockQueue>(store_,
                                              BlockQueueOptions{.blocks = job_.blocks,
                                                                .ranks = job_.ranks,
                                                                .rank = number,
                                                                .lease = job_.lease,
                                                                .seed = job_.seed},
                                              [this] { return now_; });
    rank.watch = std::make_unique<RankWatch>(
        store_, kSilentBeats * beat_pause(job_.lease), [this] { return now_; });
    rank.since = now_;
    rank.running = {};
    events_.push({Event::Kind::beat, now_, number, ++rank.life});
    events_.push({Event::Kind::step, now_, number, rank.life});
    const double ideal = static_cast<double>(job_.blocks) * job_.block_seconds / job_.ranks;
    if (job_.kills > 0.0) {
      const double until = -std::log(1.0 - chance()) * ideal / job_.kills;
      events_.push({Event::Kind::kill, now_ + until, number, rank.life});
    }
  }

  void happen(const Event& event, Rank& rank) {
    if (event.kind == Event::Kind::kill) {
      die(event.rank, rank);
    } else if (event.kind == Event::Kind::beat) {
      store_.set(heartbeat_key(event.rank), fmt::format("{} {}", rank.life, rank.beats++));
      rank.watch->watch_neighbour(event.rank, job_.ranks);
      events_.push({event.kind, event.at + beat_pause(job_.lease), event.rank, event.life});
    } else {
      step(event.rank, rank);
    }
  }

  void die(int number, Rank& rank) {
    outcome_.alive += now_ - rank.since;
    rank.queue.reset();
    ++outcome_.killed;
    if (chance() < job_.comes_back) {
      start(number, now_ + 3 * job_.lease * chance());
    }
  }

  void step(int number, Rank& rank) {
    for (std::int64_t block = rank.running.first; block < rank.running.end; ++block) {
      ++runs_[static_cast<std::size_t>(block)];
      outcome_.useful +=
          runs_[static_cast<std::size_t>(block)] == 1 ? seconds_of(block, number) : 0;
    }
    const BlockQueue::Turn turn = rank.queue->next();
    rank.running = turn.blocks;
    if (turn.kind == BlockQueue::Turn::Kind::finished) {
      outcome_.seconds = std::max(outcome_.seconds, now_);
      outcome_.alive += now_ - rank.since;
      store_.set(heartbeat_key(number), kGone);
      rank.queue.reset();
      return;
    }
    double until = now_ + turn.seconds;
    for (std::int64_t block = turn.blocks.first; block < turn.blocks.end; ++block) {
      until += seconds_of(block, number);
    }
    events_.push({Event::Kind::step, until, number, rank.life});
  }

  // The same whenever it is asked.
  [[nodiscard]] double seconds_of(std::int64_t block, int rank) const {
    std::mt19937 of_block(static_cast<std::uint32_t>(block * 2654435761 + 17));
    const double part = static_cast<double>(of_block() % 1000) / 1000.0;
    const bool slow = std::fmod(rank * 0.6180339887, 1.0) < job_.slow_ranks;
    return job_.block_seconds * (0.5 + part) * (slow ? 2.0 : 1.0);
  }

  SimulatedOutcome summary() {
    constexpr auto kSlots = static_cast<std::size_t>(1.0 / kSlot);
    for (std::size_t first = 0; first < asked_.size(); first += kSlots) {
      double second = 0.0;
      for (std::size_t i = first; i < std::min(first + kSlots, asked_.size()); ++i) {
        second += static_cast<double>(asked_[i]);
      }
      outcome_.busiest = std::max(outcome_.busiest, second);
    }
    for (const int runs : runs_) {
      outcome_.missing += runs == 0 ? 1 : 0;
      outcome_.twice += std::max(0, runs - 1);
    }
    outcome_.operations = store_.operations;
    return outcome_;
  }

  static constexpr double kSlot = 0.01;

  SimulatedJob job_;
  std::mt19937_64 random_;
  MemoryStore store_;
  std::vector<Rank> ranks_;
  std::vector<int> runs_;
  std::priority_queue<Event> events_;
  std::vector<std::int64_t> asked_;  // in each slot of time
  double now_ = 0.0;
  SimulatedOutcome outcome_;
};

}  // namespace headscope::test
