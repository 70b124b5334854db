// Work in numbered pieces that ranks share, where what a piece brings is small: each rank writes a
// line a piece into a log of its own (OUT.shards/rank-0003.jsonl), and in the end every rank knows
// all of them. A verb is then three things: what a piece is, what it brings as JSON, and what is
// made of all. Results have the bits of one process: a piece depends on its number alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "analyses/cluster/rank_group.h"
#include "hooks/stored/if_exists.h"
#include "hooks/stored/line_log.h"
#include "lib/base/json.h"
#include "lib/model/standing_change.h"

namespace headscope {

// Thrown out of SharedWork where another rank has finished all: there is nothing to do or to tell.
struct WorkIsOver {};

// What all ranks must agree on: `identity`, and the version of the program. Whoever asks first adds
// what `more()` says (the batches to run in, …), which all then get. Throws UsageError naming the
// first thing in which this rank differs.
Json agree(RankGroup& ranks, const Json& identity, const std::function<Json()>& more);

struct SharedWorkOptions {
  std::filesystem::path out;            // the output that one rank will write
  IfExists if_exists = IfExists::fail;  // of `out` and of the ranks' logs
  Json identity = {};                   // all that the values depend on
  std::function<bool()> stop = {};      // asked between pieces
  // Told how many pieces all ranks have done of one queue; null: nobody asks.
  std::function<void(std::int64_t done, std::int64_t pieces)> watch = {};
  // The change the model has, if any: what it changed is counted over all ranks.
  const StandingChange* standing = nullptr;
};

class SharedWork {
 public:
  // Joins the job, this rank's log open. Throws what agree() and LineLog throw.
  SharedWork(RankGroup& ranks, SharedWorkOptions options);

  struct Piece {
    Json value;
    double seconds = 0.0;  // that it took the rank that ran it
  };

  // All pieces [0, pieces), in their order, whoever ran them: `run` brings one's value and throws
  // Interrupted if stopped() was true meanwhile. `queue` tells the queues of a job apart: [a-z0-9].
  // Throws Interrupted if this process was asked to stop, ResourceError if another rank failed,
  // DataError if two ranks found different values of one piece, WorkIsOver.
  std::vector<Piece> run(const std::string& queue,
                         std::int64_t pieces,
                         const std::function<Json(std::int64_t piece)>& run);

  // To be asked within a piece that takes long.
  [[nodiscard]] bool stopped() const;

  // One rank writes the output and removes the logs: true in that one, which is to tell of it.
  bool finish(const std::function<void()>& write);

  // Throws the UsageError of StandingChange::check_fired() where no rank's pieces fired a part.
  void check_fired() const;

 private:
  using Found = std::map<std::int64_t, Piece>;
  [[nodiscard]] Found found(const std::string& queue) const;
  void run_piece(const std::string& queue,
                 std::int64_t piece,
                 const std::function<Json(std::int64_t piece)>& run);
  std::vector<Piece> gather(const std::string& queue, std::int64_t pieces);
  [[nodiscard]] std::vector<std::int64_t> fired_now() const;

  RankGroup& ranks_;
  SharedWorkOptions options_;
  int first_ranks_ = 1;
  std::optional<LineLog> log_{};
  mutable std::map<std::string, std::vector<std::int64_t>> fired_{};  // by queue and piece
};

}  // namespace headscope
