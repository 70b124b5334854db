// Verbs that several processes run together: what they are told of it, and how they find each
// other.
#pragma once

#include <memory>
#include <string>

#include "analyses/cluster/rank_group.h"

namespace CLI {
class App;
}  // namespace CLI

namespace headscope {

struct RankOptions {
  std::string meet;     // "HOST:PORT" or a folder; empty: as the launcher says
  double lease = 30.0;  // seconds
};
void add_rank_options(CLI::App& app, RankOptions& options);

// Null for a process that no launcher made one of several. Throws UsageError where the ranks have
// no place to meet or no output to write together, ResourceError if it cannot be reached.
std::unique_ptr<RankGroup> join_ranks(const RankOptions& options, const std::string& out);

}  // namespace headscope
