// The HDF5 side of a result file: made, found again, compared. result_store.h is what others use.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "analyses/results/result_store.h"
#include "hooks/stored/h5/dataspace.h"
#include "hooks/stored/identity.h"
#include "hooks/stored/new_file.h"
#include "hooks/stored/provenance.h"

namespace headscope {

inline constexpr FileKind kResultKind{
    "headscope-result", 1, "result", "give the path of a file that a sweep wrote", "run it again"};

// Where in the file the bytes begin that change after it is made.
struct ResultPlaces {
  std::uint64_t done = 0;           // u8 [cells, prompts]
  std::uint64_t baseline_done = 0;  // u8 [2]
  std::uint64_t clean = 0;          // f64 [prompts]
  std::uint64_t corrupted = 0;      // f64 [prompts]
  std::uint64_t result = 0;         // f64 [cells]
  std::uint64_t per_prompt = 0;     // f64 [cells, prompts]
};

struct ResultContents {
  ResultHeader header;
  ResultPlaces at;
};

std::int64_t cells_of(const ResultHeader& header);
std::int64_t pairs_of(const ResultHeader& header);  // cells × prompts

h5::Dims cell_dims(const ResultHeader& header);  // [axis…]
h5::Dims pair_dims(const ResultHeader& header);  // [axis…, prompt]

// "layer 3, head 2"
std::string cell_name(const ResultHeader& header, std::int64_t cell);

// `header` with its text made storable. Throws UsageError naming what is wrong: no axis, an axis
// without labels or with a name that cannot be a link, no prompts, templates that are not as many,
// an identity that contains the shard, more values than a file can hold.
ResultHeader checked(ResultHeader header);

// The first thing of the sweep that differs. Shards are not compared.
std::optional<Difference> difference(const ResultHeader& there, const ResultHeader& here);

// Makes PATH with every value NaN and every mark 0, synced and locked. Throws UsageError if
// another process is making it, ResourceError for a full disk or an unwritable path.
PosixFile create_result_file(const std::filesystem::path& path,
                             const ResultHeader& checked_header,
                             NewFile::Over over);

// What is in a sealed file, but its values. Throws DataError naming the path.
ResultContents open_result_file(const PosixFile& file);

// `count` marks or values at `offset`, as they are now. Throw DataError naming the path if they
// cannot be read or a mark is neither 0 nor 1.
std::vector<std::uint8_t> read_marks(const PosixFile& file,
                                     std::uint64_t offset,
                                     std::int64_t count);
std::vector<double> read_values(const PosixFile& file, std::uint64_t offset, std::int64_t count);

// Marks and values. Marks are read first: what they mark done was written before them, whoever goes
// on writing meanwhile. Values that are not done become NaN.
struct StoredValues {
  std::vector<std::uint8_t> done;
  std::vector<double> per_prompt;
  std::vector<double> clean, corrupted;  // empty if not done
};
StoredValues read_stored(const PosixFile& file, const ResultContents& contents);

// A value and its place among all: cell × prompts + prompt.
struct PlacedValue {
  std::size_t pair = 0;
  double value = 0.0;
};

// Write and wait for the disk; marks only once the values are there. `values_by_place` is sorted by
// place. False on failure, errno says why.
bool write_pairs(const PosixFile& file,
                 const ResultPlaces& at,
                 const std::vector<PlacedValue>& values_by_place);
bool write_baseline(const PosixFile& file,
                    const ResultPlaces& at,
                    Run run,
                    const std::vector<double>& values);
bool write_result(const PosixFile& file, const ResultPlaces& at, const std::vector<double>& values);

// The first place where two lists differ in any bit (so that NaN equals itself); the size of the
// shorter if nowhere.
std::size_t first_other(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace headscope
