#include "analyses/cluster/queued_blocks.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace headscope {
namespace {

constexpr double kLookShare = 0.02;  // seconds between two looks at all, for each of them
constexpr auto kShortNap = std::chrono::milliseconds(20);

}  // namespace

QueuedBlocks::QueuedBlocks(RankGroup& ranks, QueuedBlocksOptions options)
    : ranks_(ranks), options_(std::move(options)), metrics_(options_.out, ranks.place().rank) {}

void QueuedBlocks::begin(std::int64_t blocks) {
  blocks_ = blocks;
  queue_.emplace(ranks_.store(),
                 BlockQueueOptions{.name = options_.name,
                                   .blocks = blocks,
                                   .ranks = options_.first_ranks,
                                   .rank = ranks_.place().rank,
                                   .lease = ranks_.lease()},
                 steady_seconds);
}

std::optional<BlockRange> QueuedBlocks::next() {
  for (;;) {
    if (stopped()) {
      return {};
    }
    const BlockQueue::Turn turn = queue_->next();
    metrics_.turn(turn);
    const bool finished = turn.kind == BlockQueue::Turn::Kind::finished;
    tell(finished ? Often::now : Often::seldom);
    if (finished) {
      return {};
    }
    if (turn.kind == BlockQueue::Turn::Kind::run) {
      return turn.blocks;
    }
    wait(turn.seconds);
  }
}

void QueuedBlocks::wait(double seconds) const {
  const double until = steady_seconds() + seconds;
  while (steady_seconds() < until && !stopped()) {
    std::this_thread::sleep_for(kShortNap);
  }
}

void QueuedBlocks::give_back() {
  if (queue_) {
    queue_->give_back();
  }
}

// A look at every rank costs the store as many operations: seldom, where there are many.
void QueuedBlocks::tell(Often often) {
  const double now = steady_seconds();
  if (options_.watch && (often == Often::now || now >= next_look_)) {
    next_look_ = now + std::max(1.0, kLookShare * ranks_.place().size);
    options_.watch(queue_->done(), blocks_);
  }
}

}  // namespace headscope
