#include "analyses/cluster/rank_files.h"

#include <algorithm>

#include <fcntl.h>
#include <fmt/format.h>

#include "hooks/stored/new_file.h"
#include "hooks/stored/posix_file.h"
#include "hooks/stored/writer_claim.h"
#include "lib/base/error.h"
#include "lib/base/paths.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

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

fs::path file_of_rank(const fs::path& out, int rank, const std::string& ending) {
  return shard_folder(out) / fmt::format("rank-{:04}{}", rank, ending);
}

std::vector<fs::path> files_of_ranks(const fs::path& out, const std::string& ending) {
  std::vector<fs::path> files;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(shard_folder(out), none)) {
    if (entry.path().extension() == ending) {
      files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  return files;
}

void prepare_rank_files(const fs::path& out, IfExists if_exists, const std::string& ending) {
  const std::vector<fs::path> files = files_of_ranks(out, ending);
  std::ranges::for_each(files, refuse_busy);
  if (path_exists(out)) {
    refuse_busy(out);
  }
  { const WriterClaim nobody_alone(out); }
  if (if_exists == IfExists::fail && (path_exists(out) || !files.empty())) {
    throw UsageError("{}: exists already; --resume goes on with it, --overwrite replaces it",
                     path_exists(out) ? out.string() : files.front().string());
  }
  if (if_exists == IfExists::replace) {
    std::ranges::for_each(files, [](const fs::path& file) { fs::remove(file); });
  }
  fs::create_directories(shard_folder(out));
}

void remove_rank_files(const fs::path& out) {
  std::error_code ignored;  // what cannot be removed is in nobody's way
  for (const auto& entry : fs::directory_iterator(shard_folder(out), ignored)) {
    if (entry.is_regular_file(ignored)) {
      fs::remove(entry.path(), ignored);
    }
  }
  fs::remove(shard_folder(out), ignored);  // if nothing else is there
}

void remove_file_of_rank(const fs::path& out, int rank, const std::string& ending) {
  std::error_code ignored;
  fs::remove(file_of_rank(out, rank, ending), ignored);
  fs::remove(shard_folder(out), ignored);  // if nothing else is there
}

}  // namespace headscope
