#include "cli/ranks.h"

#include <charconv>

#include <CLI/CLI.hpp>

#include "analyses/sweep/rank_shards.h"
#include "cli/output.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

// "HOST:PORT", the last colon counting; false for a folder.
bool read_address(const std::string& text, RankPlace& place) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || text.find('/') != std::string::npos) {
    return false;
  }
  const char* end = text.data() + text.size();
  int port = 0;
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, port);
  if (error != std::errc() || stop != end || port < 1 || port > 65535 || colon == 0) {
    throw UsageError("--meet {}: neither HOST:PORT nor a folder", text);
  }
  place.meeting_host = text.substr(0, colon);
  place.meeting_port = port;
  return true;
}

// The folder the ranks of this job and of no other meet in; empty: by network.
std::string meeting_folder(const RankOptions& options, const std::string& out, RankPlace& place) {
  if (!options.meet.empty()) {
    if (read_address(options.meet, place)) {
      return "";
    }
    place.meeting_host.clear();
    return options.meet;
  }
  if (!place.meeting_host.empty()) {
    return "";
  }
  if (place.job.empty()) {
    throw UsageError(
        "{} says that there are {} ranks, but not where they meet: set MASTER_ADDR and "
        "MASTER_PORT, or name a new folder that all of them see with --meet",
        place.believed,
        place.size);
  }
  return (shard_folder(out) / ("meet-" + place.job)).string();
}

}  // namespace

void add_rank_options(CLI::App& app, RankOptions& options) {
  app.add_option("--meet",
                 options.meet,
                 "Where ranks that share the work meet: HOST:PORT of rank 0, or a folder")
      ->default_str("MASTER_ADDR:MASTER_PORT, or a folder beside the output");
  app.add_option("--lease",
                 options.lease,
                 "Seconds without a sign of a rank after which others do its work")
      ->check(CLI::Range(0.5, 86400.0))
      ->capture_default_str();
}

std::unique_ptr<RankGroup> join_ranks(const RankOptions& options, const std::string& out) {
  RankPlace place = place_of_process();
  if (place.size == 1) {
    return nullptr;
  }
  if (out.empty()) {
    throw UsageError("{} says that there are {} ranks: they share one file, so name it with -o",
                     place.believed,
                     place.size);
  }
  const std::string folder = meeting_folder(options, out, place);
  place.meeting_folder = folder;
  std::unique_ptr<KeyStore> store =
      folder.empty() ? meet_by_network(place, options.lease) : meet_in_folder(folder);
  if (place.rank == 0) {
    print_note(fmt::format("{} ranks, as {} says; they meet {}",
                           place.size,
                           place.believed,
                           folder.empty()
                               ? fmt::format("at {}:{}", place.meeting_host, place.meeting_port)
                               : "in " + folder));
  }
  return std::make_unique<RankGroup>(place, std::move(store), options.lease);
}

}  // namespace headscope
