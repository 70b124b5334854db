// Models of a given shape whose weights are drawn at random, as directories like published ones: to
// measure loading and speed without a download.
#pragma once

#include <cstdint>
#include <filesystem>

#include "lib/base/dtype.h"
#include "lib/base/json.h"

namespace headscope {

struct RandomDirectoryOptions {
  Json config;  // config.json
  DType dtype = DType::bf16;
  std::uint64_t seed = 0;
  std::int64_t shard_bytes = std::int64_t{5} << 30;  // a file ends with the tensor that reaches it
};

struct RandomDirectoryResult {
  std::int64_t parameters = 0;
  std::int64_t bytes = 0;
  int files = 0;
};

// Writes config.json, the safetensors files and, of several, their index. Matrices are drawn from
// N(0, 0.02²), gains of norms are 1 and biases 0, each tensor from the seed and its own name; the
// same seed gives the same bytes on every machine. Memory is bounded by a few MB a thread. Throws
// DataError for a config that no family reads, and as OutputFile does.
RandomDirectoryResult write_random_directory(const std::filesystem::path& directory,
                                             const RandomDirectoryOptions& options);

}  // namespace headscope
