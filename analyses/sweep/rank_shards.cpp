#include "analyses/sweep/rank_shards.h"

#include <algorithm>
#include <cmath>

#include <fcntl.h>

#include "analyses/results/result_file.h"
#include "hooks/stored/new_file.h"
#include "hooks/stored/posix_file.h"
#include "lib/base/error.h"
#include "lib/base/paths.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> shard_files(const fs::path& out) {
  std::vector<fs::path> files;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(shard_folder(out), none)) {
    if (entry.path().extension() == ".h5") {
      files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  return files;
}

void refuse_busy(const fs::path& path) {
  const PosixFile file(path, O_RDWR | O_NONBLOCK);
  if (file.valid() && !lock_exclusively(file)) {
    throw_busy(path);
  }
}

}  // namespace

fs::path shard_folder(const fs::path& out) {
  return out.string() + ".shards";
}

fs::path shard_of_rank(const fs::path& out, int rank) {
  return shard_folder(out) / fmt::format("rank-{:04}.h5", rank);
}

std::vector<fs::path> shards_of(const fs::path& out) {
  std::vector<fs::path> files = shard_files(out);
  if (path_exists(out)) {
    files.push_back(out);
  }
  return files;
}

void prepare_shards(const fs::path& out, IfExists if_exists) {
  const std::vector<fs::path> shards = shard_files(out);
  std::ranges::for_each(shards, refuse_busy);
  if (if_exists == IfExists::fail && (path_exists(out) || !shards.empty())) {
    throw UsageError("{}: exists already; --resume goes on with it, --overwrite replaces it",
                     path_exists(out) ? out.string() : shards.front().string());
  }
  if (if_exists == IfExists::replace) {
    std::ranges::for_each(shards, [](const fs::path& shard) { fs::remove(shard); });
    if (path_exists(out)) {
      static_cast<void>(read_result(out));  // only one of ours is replaced
      fs::remove(out);
    }
  }
  fs::create_directories(shard_folder(out));
}

void remove_shards(const fs::path& out) {
  std::error_code ignored;  // what cannot be removed is in nobody's way
  for (const auto& entry : fs::directory_iterator(shard_folder(out), ignored)) {
    if (entry.is_regular_file(ignored)) {  // metrics and unfinished beginnings of killed ranks too
      fs::remove(entry.path(), ignored);
    }
  }
  fs::remove(shard_folder(out), ignored);  // if nothing else is there
}

std::vector<std::uint8_t> done_in_others(const fs::path& out,
                                         int rank,
                                         const ResultHeader& header) {
  std::vector<std::uint8_t> done(static_cast<std::size_t>(pairs_of(header)), 0);
  for (const fs::path& path : shards_of(out)) {
    if (path == shard_of_rank(out, rank)) {
      continue;
    }
    const Result other = read_result(path);
    if (const auto differs = difference(other.header, header)) {
      refuse_to_resume(path, *differs, "run as before or choose another -o");
    }
    for (std::size_t pair = 0; pair < done.size(); ++pair) {
      if (!std::isnan(other.per_prompt[pair])) {
        done[pair] = 1;
      }
    }
  }
  return done;
}

}  // namespace headscope
