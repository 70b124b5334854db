// The files of results that the ranks of one sweep write, one each, until they are joined: in the
// folder OUT.shards beside OUT.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "analyses/results/result_store.h"
#include "analyses/sweep/sweep_sink.h"
#include "hooks/stored/if_exists.h"

namespace headscope {

std::filesystem::path shard_folder(const std::filesystem::path& out);
std::filesystem::path shard_of_rank(const std::filesystem::path& out, int rank);

// All there are, and OUT itself where an earlier run left it, in a fixed order.
std::vector<std::filesystem::path> shards_of(const std::filesystem::path& out);

// To be called by one rank before any of them writes. Throws UsageError if another job writes one
// of them, or if there are any and `if_exists` does not say what to do.
void prepare_shards(const std::filesystem::path& out, IfExists if_exists);

// Once OUT is whole.
void remove_shards(const std::filesystem::path& out);

// Which pairs are done in other files of the same sweep. Throws UsageError naming a file that is
// of another one.
std::vector<std::uint8_t> done_in_others(const std::filesystem::path& out,
                                         int rank,
                                         const ResultHeader& header);

}  // namespace headscope
