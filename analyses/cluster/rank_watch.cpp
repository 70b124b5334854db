#include "analyses/cluster/rank_watch.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

namespace headscope {
namespace {

constexpr int kBeatsALease = 6;
constexpr int kNeighbours = 3;  // looked at, where those between are dead

}  // namespace

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double beat_pause(double lease) {
  return std::min(1.0, lease / kBeatsALease);
}

std::string heartbeat_key(int rank) {
  return fmt::format("beat/{}", rank);
}

bool RankWatch::dead(int rank) {
  const std::string beat = store_.get(heartbeat_key(rank));
  const double now = clock_();
  const auto [seen, first] = seen_.try_emplace(rank, Seen{beat, now});
  if (!first && seen->second.beat != beat) {
    seen->second = {beat, now};
  }
  return beat == kGone || now - seen->second.since >= lease_;
}

bool RankWatch::silent(int rank) {
  return dead(rank) || seen_[rank].beat == kSilent;
}

void RankWatch::watch_neighbour(int rank, int ranks) {
  for (int step = 1; step <= std::min(kNeighbours, ranks - 1); ++step) {
    const int next = (rank + step) % ranks;
    if (!silent(next)) {
      return;
    }
    const std::string& beat = seen_[next].beat;
    if (beat != kGone && beat != kSilent) {
      store_.compare_set(heartbeat_key(next), beat, kSilent);
    }
  }
}

}  // namespace headscope
