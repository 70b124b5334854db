#include "analyses/sweep/rank_shards.h"

#include <cmath>

#include "analyses/cluster/rank_files.h"
#include "analyses/results/result_file.h"
#include "lib/base/paths.h"

namespace headscope {

namespace fs = std::filesystem;

std::vector<fs::path> shards_of(const fs::path& out) {
  std::vector<fs::path> files = files_of_ranks(out, kShardEnding);
  if (path_exists(out)) {
    files.push_back(out);
  }
  return files;
}

void prepare_shards(const fs::path& out, IfExists if_exists) {
  prepare_rank_files(out, if_exists, kShardEnding);
  if (if_exists == IfExists::replace && path_exists(out)) {
    static_cast<void>(read_result(out));  // only one of ours is replaced
    fs::remove(out);
  }
}

std::vector<std::uint8_t> done_in_others(const fs::path& out,
                                         int rank,
                                         const ResultHeader& header) {
  std::vector<std::uint8_t> done(static_cast<std::size_t>(pairs_of(header)), 0);
  for (const fs::path& path : shards_of(out)) {
    if (path == file_of_rank(out, rank, kShardEnding)) {
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
