// Damages stored files and looks at how they are read.
#pragma once

#include <random>

#include "analyses/results/result_store.h"
#include "lib/base/error.h"
#include "tests/stored/stored_kinds.h"
#include "tests/support/catch.h"

namespace headscope::stored {

inline Bytes bytes_written(const StoredKind& kind, const TempFolder& folder) {
  kind.write(folder.file("t.h5"), {});
  return file_bytes(folder.file("t.h5"));
}

enum class Answer { refused, damaged_value, same };

inline Answer answer_of(const StoredKind& kind, const std::filesystem::path& path) {
  is_result_file(path);
  try {
    const Seen seen = kind.read(path);
    return seen.complete && seen.wrong.empty() ? Answer::same : Answer::damaged_value;
  } catch (const DataError& error) {
    REQUIRE_THAT(error.what(), contains(path.string()));
    return Answer::refused;
  }
}

// Flips one to three bits at a time. Under a seal or a checksum every flip must be refused.
inline void flip_bytes(const StoredKind& kind, int rounds) {
  const TempFolder folder;
  const Bytes whole = bytes_written(kind, folder);
  const std::size_t end = kind.compressed ? whole.size() : metadata_end(whole);
  std::vector<std::size_t> places;  // bytes that hold something, not the holes between them
  for (std::size_t i = 0; i < whole.size(); ++i) {
    if (whole[i] != 0 || i % 512 == 0) {
      places.push_back(i);
    }
  }
  std::mt19937 random(3);
  int refused = 0;
  int damaged = 0;
  for (int round = 0; round < rounds; ++round) {
    CAPTURE(round);
    Bytes broken = whole;
    bool in_values = true;
    for (int flips = 1 + static_cast<int>(random() % 3); flips > 0; --flips) {
      const std::size_t place = places[random() % places.size()];
      broken[place] ^= static_cast<std::uint8_t>(1u << random() % 8);
      in_values = in_values && place >= end;
    }
    write_bytes(folder.file("broken.h5"), broken);
    const Answer outcome = answer_of(kind, folder.file("broken.h5"));
    // Where values have checksums HDF5 leaves bytes between its tables that nothing reads.
    REQUIRE((outcome == Answer::refused || in_values || broken == whole ||
             (kind.compressed && outcome == Answer::same)));
    refused += outcome == Answer::refused ? 1 : 0;
    damaged += outcome == Answer::damaged_value ? 1 : 0;
  }
  CHECK(refused > rounds / 3);
  CHECK((damaged > 0) == (end < whole.size()));  // the flips reach the values too
}

// Cuts the file off at many places, and makes it longer.
inline void cut_short(const StoredKind& kind) {
  const TempFolder folder;
  const Bytes whole = bytes_written(kind, folder);
  std::mt19937 random(4);
  for (std::size_t round = 0; round < 200; ++round) {
    const std::size_t keep = round < 20 ? round : random() % whole.size();
    write_bytes(folder.file("broken.h5"),
                {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(keep)});
    REQUIRE(answer_of(kind, folder.file("broken.h5")) == Answer::refused);
  }
  Bytes longer = whole;
  longer.push_back('x');
  write_bytes(folder.file("broken.h5"), longer);
  CHECK_THROWS_WITH(kind.read(folder.file("broken.h5")), contains("bytes long but should be"));
}

}  // namespace headscope::stored
