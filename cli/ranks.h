// Verbs that several processes run together: what they are told of it, and how they find each
// other.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "analyses/cluster/rank_group.h"
#include "analyses/cluster/shared_work.h"
#include "cli/verb.h"
#include "lib/model/model.h"

namespace CLI {
class App;
}  // namespace CLI

namespace headscope {

struct RankOptions {
  std::string meet;     // "HOST:PORT" or a folder; empty: as the launcher says
  double lease = 30.0;  // seconds
  std::string devices;  // "cuda:0-3": start a rank for each; empty: this process alone
};
void add_rank_options(CLI::App& app, RankOptions& options);

// --devices: starts this command once a device and waits for all; then there is nothing left to do
// here. False where it was not given. Throws UsageError if a launcher started ranks already or
// there is no output, and what run_on_devices() throws.
bool ran_on_devices(const RankOptions& options, const std::string& out);

// Null for a process that no launcher made one of several. Ranks of one host then share its cores.
// Throws UsageError where the ranks have no place to meet or no output to write together,
// ResourceError if it cannot be reached.
std::unique_ptr<RankGroup> join_ranks(const RankOptions& options,
                                      const CommonOptions& common,
                                      const std::string& out);

// What a verb asks for that ranks share.
struct RankVerb {
  std::string out;
  IfExists if_exists = IfExists::fail;
  Json identity;
  std::string unit;  // "detectors": what a piece is, for the bar that rank 0 draws
};
SharedWorkOptions shared_work(const RankGroup& ranks, RankVerb verb, const Model& model);

// The bar of all ranks, drawn by rank 0; null in others.
std::function<void(std::int64_t done, std::int64_t total)> bar_of_ranks(const RankGroup& ranks,
                                                                        const std::string& unit);

// Runs one rank's part: an error stops the others and is passed on. `body` says whether this rank
// told of the result: then it stays until the others have left, where they need it.
enum class Told { here, elsewhere };
Told run_as_rank(RankGroup& ranks, const std::function<Told()>& body);

}  // namespace headscope
