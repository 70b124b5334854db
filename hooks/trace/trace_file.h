// The HDF5 side of a trace: its skeleton made and found again. No value of a model passes here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "hooks/stored/h5/file.h"
#include "hooks/stored/posix_file.h"
#include "hooks/trace/region.h"
#include "hooks/trace/trace_schema.h"
#include "lib/base/json.h"

namespace headscope {

// A dataset and where its values are.
struct StoredDataset {
  TraceDataset info;         // sizes filled in
  std::string link;          // "/activations/blocks.0.attn.hook_z"
  std::uint64_t offset = 0;  // of the first value, if in one piece
  Sizes chunk;               // after "prompt", if in chunks; else empty
  std::uint64_t stored_bytes = 0;
};

struct TraceContents {
  Json provenance;
  std::vector<Prompt> prompts;
  std::vector<StoredDataset> datasets;
  std::uint64_t done_offset = 0;  // of /done, one byte a prompt

  [[nodiscard]] bool compressed() const { return !datasets.front().chunk.empty(); }
};

// Where in the file the values of `prompt` begin, of a dataset in one piece.
std::uint64_t values_offset(const StoredDataset& dataset, std::size_t prompt);

// A new trace file, whole but for its values and its seal, still open in HDF5.
struct TraceSkeleton {
  h5::File file;
  std::uint64_t metadata_end = 0;  // what write_seal() needs once the file is closed
};

// Makes `path`. With `level` > 0 the datasets are empty and in compressed chunks, and /done says
// that all is done. Throws h5::Failure; the caller knows what it means.
TraceSkeleton create_trace_file(const std::filesystem::path& path,
                                const TraceHeader& completed_header,
                                int level);

// Opens PATH for reading. Throws DataError if it is missing, unreadable or no regular file.
PosixFile open_trace_to_read(const std::filesystem::path& path);

// One 0 or 1 a prompt, as they are now. Throws DataError naming the path on anything else.
std::vector<std::uint8_t> read_done_marks(const PosixFile& file, const TraceContents& contents);

// What is in a sealed file. Throws DataError naming the path.
TraceContents open_trace_file(const PosixFile& file);

// The part of a dataset that one chunk of a compressed trace holds: one prompt and one head, or
// fewer rows where that exceeds 16 MiB. Sizes after "prompt".
Sizes chunk_shape(const TraceDataset& dataset);

// "/activations/NAME", or "/NAME" for logits.
std::string link_of(const TraceDataset& dataset);

}  // namespace headscope
