#include "cli/ranks.h"

#include <algorithm>
#include <charconv>

#include <CLI/CLI.hpp>

#include "analyses/cluster/rank_files.h"
#include "cli/device_ranks.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/render/progress.h"
#include "lib/base/error.h"
#include "lib/base/parallel.h"

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

// Ranks of one host share its cores, unless they were told how many each takes.
void share_cores(const CommonOptions& common, const RankPlace& place) {
  if (common.threads == 0) {
    CommonOptions share = common;
    share.threads = std::max(1, thread_count() / place.local_size);
    apply(share);
  }
}

}  // namespace

void add_rank_options(CLI::App& app, RankOptions& options) {
  app.add_option("--devices",
                 options.devices,
                 "Start a rank on each of these GPUs (cuda:0-3), or so many on the CPU (cpu:2)");
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

bool ran_on_devices(const RankOptions& options, const std::string& out) {
  if (options.devices.empty()) {
    return false;
  }
  if (out.empty() || place_of_process().size > 1) {
    throw UsageError(
        "--devices starts ranks that share one file: name it with -o, and start no ranks by a "
        "launcher beside it");
  }
  run_on_devices(devices_of(options.devices), out);
  return true;
}

std::unique_ptr<RankGroup> join_ranks(const RankOptions& options,
                                      const CommonOptions& common,
                                      const std::string& out) {
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
  share_cores(common, place);
  return std::make_unique<RankGroup>(place, std::move(store), options.lease);
}

std::function<void(std::int64_t done, std::int64_t total)> bar_of_ranks(const RankGroup& ranks,
                                                                        const std::string& unit) {
  if (ranks.place().rank != 0) {
    return {};
  }
  return [unit,
          size = ranks.place().size,
          bar = std::shared_ptr<Progress>(),
          drawn = std::int64_t{0},
          of = std::int64_t{-1}](std::int64_t done, std::int64_t total) mutable {
    if (!bar || of != total) {
      bar.reset();  // of the queue before
      bar = std::make_shared<Progress>(
          total, Progress::Options{.label = fmt::format("{} ranks", size), .unit = unit});
      bar->begin_at(done);
      of = total;
    } else {
      bar->add(done - drawn);
    }
    drawn = done;
  };
}

SharedWorkOptions shared_work(const RankGroup& ranks, RankVerb verb, const Model& model) {
  // A launcher that started all anew started --overwrite with them.
  const bool again = ranks.place().restarts > 0;
  return {.out = verb.out,
          .if_exists = again ? IfExists::resume : verb.if_exists,
          .identity = std::move(verb.identity),
          .stop = interrupted,
          .watch = bar_of_ranks(ranks, verb.unit),
          .standing = model.standing().get()};
}

Told run_as_rank(RankGroup& ranks, const std::function<Told()>& body) {
  Told told = Told::elsewhere;
  try {
    told = body();
  } catch (const WorkIsOver&) {
    told = Told::elsewhere;
  } catch (const Interrupted&) {
    print_note("what is finished is kept in the ranks' files; --resume does the rest");
    throw;
  } catch (const std::exception& error) {
    ranks.fail(error.what());
    throw;
  }
  const bool here = told == Told::here;
  if (ranks.serves() || (here && !ranks.place().meeting_folder.empty())) {
    finish_output();  // now: a rank that was killed is waited for
    ranks.leave_last();
  }
  return told;
}

}  // namespace headscope
