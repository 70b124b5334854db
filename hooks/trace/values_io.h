// The values of one prompt on their way between memory (packed: ragged axes at the prompt's length)
// and disk (padded: ragged axes at the longest prompt's), by plain reads and writes.
#pragma once

#include <cstdint>
#include <vector>

#include "hooks/trace/posix_file.h"
#include "hooks/trace/region.h"
#include "hooks/trace/trace_schema.h"

namespace headscope {

// Writes packed values of `from` dtype at `offset`, converted to the dataset's dtype, with zeros
// between a row's end and the next. False on failure, errno says why.
bool write_values(const PosixFile& file,
                  std::uint64_t offset,
                  const TraceDataset& dataset,
                  std::int64_t length,
                  DType from,
                  const std::vector<std::uint8_t>& values);

// Reads a box of an array of elements of `size` bytes that begins at `offset`, into packed bytes.
// Pieces that lie within a page of each other are read together; nothing else is read.
// Throws DataError naming the path.
std::vector<std::uint8_t> read_region(const PosixFile& file,
                                      std::uint64_t offset,
                                      std::size_t size,
                                      const Region& region);

}  // namespace headscope
