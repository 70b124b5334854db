#include "analyses/cluster/record_ranks.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include <fcntl.h>

#include "analyses/cluster/queued_blocks.h"
#include "analyses/cluster/rank_files.h"
#include "analyses/cluster/shared_work.h"
#include "hooks/stored/open_file.h"
#include "hooks/stored/posix_file.h"
#include "hooks/trace/trace_join.h"
#include "hooks/trace/trace_reader.h"
#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/paths.h"

namespace headscope {
namespace {

constexpr const char* kTraceEnding = ".h5";
constexpr const char* kJoin = "join";
constexpr auto kShortWait = std::chrono::milliseconds(20);

// All that the values depend on.
Json identity_of(const RankRecording& it) {
  Json identity = it.options.provenance.at("identity");
  Hasher hasher;
  for (const Prompt& prompt : it.prompts) {
    hasher.update(Json(prompt.tokens).dump());
  }
  identity["prompts_hash"] = hasher.digest();
  identity["batch_tokens"] = it.options.batch_tokens;
  for (const TraceDataset& dataset :
       record_datasets(it.model.config(), it.options, longest_prompt(it.prompts))) {
    identity["datasets"].push_back({dataset.name, to_string(dataset.dtype)});
  }
  return identity;
}

void prepare(const RankRecording& it) {
  const IfExists if_exists = it.options.if_exists;
  if (if_exists == IfExists::replace) {
    static_cast<void>(open_to_resume(it.out, kTraceKind, if_exists));  // only a trace is replaced
  }
  prepare_rank_files(it.out, if_exists, kTraceEnding);
  if (if_exists == IfExists::replace) {
    std::filesystem::remove(it.out);
  }
}

// Of all files but this rank's own, as they are now.
std::vector<bool> done_elsewhere(const RankRecording& it, const std::filesystem::path& own) {
  std::vector<std::filesystem::path> files = files_of_ranks(it.out, kTraceEnding);
  if (path_exists(it.out)) {
    files.push_back(it.out);
  }
  std::vector<bool> done(it.prompts.size());
  for (const std::filesystem::path& file : files) {
    if (file == own) {
      continue;
    }
    const TraceReader trace(file);
    for (std::size_t prompt = 0; prompt < std::min(done.size(), trace.prompt_count()); ++prompt) {
      done[prompt] = done[prompt] || trace.done(prompt);
    }
  }
  return done;
}

RecordResult record_share(const RankRecording& it, RankGroup& ranks, int first_ranks) {
  const std::filesystem::path own = file_of_rank(it.out, ranks.place().rank, kTraceEnding);
  const std::vector<bool> elsewhere = done_elsewhere(it, own);
  RecordOptions options = it.options;
  options.if_exists = IfExists::resume;
  options.compress = 0;  // what is joined is compressed
  options.elsewhere = [&](std::size_t prompt) { return elsewhere[prompt]; };
  options.stop = [&] { return ranks.stopped() || (it.options.stop && it.options.stop()); };
  options.cancel = options.stop;
  options.progress = {};
  QueuedBlocks blocks(ranks,
                      {.name = {},
                       .out = it.out,
                       .first_ranks = first_ranks,
                       .stop = options.stop,
                       .watch = it.watch});
  options.blocks = &blocks;
  const RecordResult result = record(it.model, it.prompts, own, options);
  ranks.check();
  if (result.stopped) {
    blocks.give_back();
    throw Interrupted();
  }
  return result;
}

// A rank that has nothing left to do has its file open for a moment yet; one that was killed has
// not.
void wait_until_closed(const std::vector<std::filesystem::path>& files, const RankGroup& ranks) {
  for (const std::filesystem::path& path : files) {
    const PosixFile file(path, O_RDWR | O_NONBLOCK);
    while (file.valid() && !lock_exclusively(file)) {
      ranks.check();
      std::this_thread::sleep_for(kShortWait);
    }
  }
}

RankRecordResult share_and_join(const RankRecording& it, RankGroup& ranks, int first_ranks) {
  RankRecordResult mine{.result = record_share(it, ranks, first_ranks)};
  const std::string self = std::to_string(ranks.place().rank);
  mine.joined = ranks.once(kJoin, [&] {
    const std::vector<std::filesystem::path> files = files_of_ranks(it.out, kTraceEnding);
    wait_until_closed(files, ranks);
    join_traces(files, it.out, it.options.compress);
    return self;
  }) == self;
  if (mine.joined) {
    mine.result.recorded_now = it.prompts.size();
    mine.result.bytes = static_cast<std::int64_t>(bytes_to_write(
        completed({{},
                   it.prompts,
                   record_datasets(it.model.config(), it.options, longest_prompt(it.prompts))})));
    remove_rank_files(it.out);
  } else {
    remove_file_of_rank(it.out, ranks.place().rank, kTraceEnding);
  }
  return mine;
}

}  // namespace

RankRecordResult record_over_ranks(const RankRecording& recording, RankGroup& ranks) {
  ranks.once("begin", [&] {
    prepare(recording);
    return std::string();
  });
  const int first_ranks = agree(ranks, identity_of(recording), {}).at("ranks").get<int>();
  try {
    return share_and_join(recording, ranks, first_ranks);
  } catch (const Error&) {  // a file, or the folder, that another rank joined and removed meanwhile
    if (ranks.is_done(kJoin)) {
      remove_file_of_rank(recording.out, ranks.place().rank, kTraceEnding);
      throw WorkIsOver();
    }
    throw;
  }
}

}  // namespace headscope
