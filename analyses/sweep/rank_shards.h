// The files of results that the ranks of one sweep write, one each, until they are joined
// (analyses/cluster/rank_files.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "analyses/results/result_store.h"
#include "hooks/stored/if_exists.h"

namespace headscope {

inline constexpr const char* kShardEnding = ".h5";

// All there are, and OUT itself where an earlier run left it, in a fixed order.
std::vector<std::filesystem::path> shards_of(const std::filesystem::path& out);

// prepare_rank_files(), and removes a result that is to be replaced.
void prepare_shards(const std::filesystem::path& out, IfExists if_exists);

// Which pairs are done in other files of the same sweep. Throws UsageError naming a file that is
// of another one.
std::vector<std::uint8_t> done_in_others(const std::filesystem::path& out,
                                         int rank,
                                         const ResultHeader& header);

}  // namespace headscope
