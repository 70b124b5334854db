// The files that the ranks of one job write, one each, until they are joined: in the folder
// OUT.shards beside OUT.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "hooks/stored/if_exists.h"

namespace headscope {

std::filesystem::path shard_folder(const std::filesystem::path& out);

// rank-0003.h5, for the `ending` ".h5".
std::filesystem::path file_of_rank(const std::filesystem::path& out,
                                   int rank,
                                   const std::string& ending);

// All there are with that ending, in a fixed order.
std::vector<std::filesystem::path> files_of_ranks(const std::filesystem::path& out,
                                                  const std::string& ending);

// To be called by one rank before any of them writes: makes the folder. Throws UsageError if
// another job writes there or writes OUT, or if OUT or files of ranks are there and `if_exists`
// does not say what to do. IfExists::replace removes files of ranks; OUT is the caller's.
void prepare_rank_files(const std::filesystem::path& out,
                        IfExists if_exists,
                        const std::string& ending);

// Once OUT is whole: this folder's files, metrics and unfinished beginnings of killed ranks too.
void remove_rank_files(const std::filesystem::path& out);

// Of a rank that came when OUT was whole: its own, which nobody joined.
void remove_file_of_rank(const std::filesystem::path& out, int rank, const std::string& ending);

}  // namespace headscope
