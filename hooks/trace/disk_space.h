// Will it fit? Asked before anything is written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "hooks/trace/trace_schema.h"

namespace headscope {

// The bytes one prompt's values take on disk: its own rows, padded to the longest prompt's width.
std::uint64_t prompt_bytes(const TraceDataset& dataset, std::int64_t length);

// Throws ResourceError naming the path if the file system it lies on has less than `bytes` free.
void check_free_space(const std::filesystem::path& path, std::uint64_t bytes);

// Throws ResourceError if this process may not make files of `bytes` (ulimit -f).
void check_file_size_limit(const std::filesystem::path& path, std::uint64_t bytes);

}  // namespace headscope
