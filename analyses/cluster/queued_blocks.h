// What the ranks' queue says, asked until there is something to do.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "analyses/cluster/block_queue.h"
#include "analyses/cluster/rank_group.h"
#include "analyses/cluster/rank_metrics.h"
#include "lib/base/block_source.h"

namespace headscope {

struct QueuedBlocksOptions {
  std::string name;           // of the queue, where a job has several: [a-z0-9]
  std::filesystem::path out;  // the output whose ranks these are
  int first_ranks = 1;        // that the blocks are divided among at first: the same for every rank
  std::function<bool()> stop = {};
  // Told from time to time how many blocks all ranks together have done, of how many; null: nobody
  // asks.
  std::function<void(std::int64_t done, std::int64_t blocks)> watch = {};
};

class QueuedBlocks final : public BlockSource {
 public:
  QueuedBlocks(RankGroup& ranks, QueuedBlocksOptions options);

  void begin(std::int64_t blocks) override;
  // Waits while others may yet leave something. Nothing: all blocks are done, or `stop` says so.
  std::optional<BlockRange> next() override;

  // Of a rank that stops early: what it holds is anyone's.
  void give_back();

 private:
  enum class Often { seldom, now };
  void tell(Often often);
  [[nodiscard]] bool stopped() const { return options_.stop && options_.stop(); }
  void wait(double seconds) const;

  RankGroup& ranks_;
  QueuedBlocksOptions options_;
  RankMetrics metrics_;
  std::int64_t blocks_ = 0;
  double next_look_ = 0.0;
  std::optional<BlockQueue> queue_;
};

}  // namespace headscope
