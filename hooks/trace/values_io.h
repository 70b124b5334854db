// The values of one prompt on their way between memory (packed: ragged axes at the prompt's length)
// and disk (padded: ragged axes at the longest prompt's), by plain reads and writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "hooks/stored/posix_file.h"
#include "hooks/trace/region.h"
#include "hooks/trace/trace_schema.h"

namespace headscope {

// The unused room behind a prompt shorter than the longest is written too, as zeros, where it is no
// larger than this and a further piece follows: one write of both costs less than two. Larger room
// stays a hole.
inline constexpr std::int64_t kFilledRoom = 16 << 10;  // bytes

// Where one prompt's values go.
struct PromptSlot {
  std::uint64_t offset = 0;  // in the file, of the first value
  std::int64_t length = 0;   // tokens
};

// Writes the packed values of several prompts of one dataset, which follow one another in `values`
// as their slots do in `slots`, elements of `from` converted to the dataset's dtype. Neighbours in
// the file are written together; nothing outside the slots is touched. The disk is set to work on
// large pieces at once. False on failure, errno says why.
bool write_values(const PosixFile& file,
                  const TraceDataset& dataset,
                  const std::vector<PromptSlot>& slots,
                  DType from,
                  const std::uint8_t* values);

// The inverse: reads the values of several prompts into `to`, packed, in the dataset's dtype. Slots
// that follow one another cost one read. Throws DataError naming the path.
void read_values(const PosixFile& file,
                 const TraceDataset& dataset,
                 const std::vector<PromptSlot>& slots,
                 std::uint8_t* to);

// The same for an array of which each token has a row (ragged at its first axis and nowhere else),
// row by row straight from the file to where it goes: `rows` has one address a token of the slots,
// null for a row that is not wanted. The slots lie in the file in this order. What lies between
// wanted rows is read too where it is no larger than kFilledRoom. Throws DataError naming the path.
void read_rows(const PosixFile& file,
               const TraceDataset& dataset,
               const std::vector<PromptSlot>& slots,
               std::span<std::uint8_t* const> rows);

// DataError of a read that failed: names the path, and what errno says.
[[noreturn]] void refuse_failed_read(const PosixFile& file);

// Reads a box of an array of elements of `size` bytes that begins at `offset`, into packed bytes.
// Pieces that lie within a page of each other are read together; nothing else is read.
// Throws DataError naming the path.
std::vector<std::uint8_t> read_region(const PosixFile& file,
                                      std::uint64_t offset,
                                      std::size_t size,
                                      const Region& region);

// The most bytes one prompt's values take on disk: its own rows, padded to the longest prompt's
// width, and what is filled up behind them.
std::uint64_t prompt_bytes(const TraceDataset& dataset, std::int64_t length);

}  // namespace headscope
