#include "analyses/cluster/rank_watch.h"

#include <chrono>

#include <fmt/format.h>

namespace headscope {

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
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

}  // namespace headscope
