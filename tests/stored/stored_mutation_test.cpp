// Damaged files: an error or an answer, never a crash. Worth most under AddressSanitizer.
#include <random>
#include <set>

#include "lib/base/error.h"
#include "tests/stored/stored_kinds.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::stored;

namespace {

// As real recordings have: HDF5 keeps the text of so many attributes in several heaps.
TraceHeader wide_header(std::size_t prompts) {
  TraceHeader made = trace_cases::header(prompts);
  constexpr std::int64_t heads = trace_cases::kHeads;
  for (int layer = 0; layer < 40; ++layer) {
    const std::string block = fmt::format("blocks.{}.", 100 + layer);
    made.datasets.push_back(
        {block + "hook_resid_pre", {"prompt", "pos", "d_model"}, {0, 2}, DType::f32});
    made.datasets.push_back(
        {block + "attn.hook_z", {"prompt", "pos", "head", "d_head"}, {0, heads, 2}, DType::f32});
    made.datasets.push_back({block + "attn.hook_pattern",
                             {"prompt", "head", "query", "key"},
                             {heads, 0, 0},
                             DType::f32});
  }
  return made;
}

struct Mutated {
  StoredKind kind;
  int rounds = 0;  // of byte flips
};

std::vector<Mutated> mutated_kinds() {
  return {{trace_kind("trace", trace_cases::header(3)), 1500},
          {trace_kind("compressed trace", trace_cases::header(3), {.compress = 6}), 1500},
          {trace_kind("wide trace", wide_header(3)), 150},
          {trace_kind("wide compressed trace", wide_header(3), {.compress = 6}), 150},
          {result_kind("result", result_cases::result_header()), 800}};
}

Bytes bytes_written(const StoredKind& kind, const TempFolder& folder) {
  kind.write(folder.file("t.h5"), {});
  return file_bytes(folder.file("t.h5"));
}

enum class Answer { refused, damaged_value, same };

Answer answer_of(const StoredKind& kind, const std::filesystem::path& path) {
  is_result_file(path);
  try {
    const Seen seen = kind.read(path);
    return seen.complete && seen.wrong.empty() ? Answer::same : Answer::damaged_value;
  } catch (const DataError& error) {
    REQUIRE_THAT(error.what(), contains(path.string()));
    return Answer::refused;
  }
}

// Where the axis names stand in the file, each place once.
std::vector<std::size_t> axis_bytes(const Bytes& file, const TraceHeader& made) {
  const std::string text(file.begin(), file.end());
  std::set<std::string> names;
  for (const TraceDataset& dataset : made.datasets) {
    names.insert(dataset.axes.begin(), dataset.axes.end());
  }
  std::vector<std::size_t> places;
  for (const std::string& name : names) {
    for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
      places.push_back(at);
    }
  }
  return places;
}

}  // namespace

TEST_CASE("byte flips anywhere are found, or harmless to all but a value without a checksum") {
  const auto [kind, rounds] = GENERATE(from_range(mutated_kinds()));
  CAPTURE(kind.name);
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
  CHECK((damaged > 0) == !kind.compressed);  // the flips reach the values too
}

TEST_CASE("a file cut short anywhere, or longer than it was, is refused") {
  const StoredKind kind = GENERATE(from_range(mutated_kinds())).kind;
  CAPTURE(kind.name);
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

TEST_CASE("every byte of metadata is covered by the seal") {
  const StoredKind kind = GENERATE(from_range(mutated_kinds())).kind;
  CAPTURE(kind.name);
  const TempFolder folder;
  const Bytes whole = bytes_written(kind, folder);
  // Only marks and values come after: no byte of HDF5's own lies there.
  if (!kind.compressed) {
    CHECK(whole.size() - metadata_end(whole) == kind.value_bytes);
  }
}

TEST_CASE("a flipped byte in any axis name of a trace of many hooks is found") {
  const TempFolder folder;
  const TraceHeader made = wide_header(2);
  const Bytes whole = bytes_written(trace_kind("wide trace", made), folder);
  std::size_t axes = 0;
  for (const TraceDataset& dataset : made.datasets) {
    axes += dataset.axes.size();
  }
  const std::vector<std::size_t> places = axis_bytes(whole, made);
  REQUIRE(places.size() >= axes);  // each dataset's own text is in the file
  std::mt19937 random(5);
  for (const std::size_t place : places) {
    CAPTURE(place);
    Bytes broken = whole;
    broken[place + random() % 3] ^= static_cast<std::uint8_t>(1u << random() % 8);
    write_bytes(folder.file("broken.h5"), broken);
    REQUIRE_THROWS_AS(TraceReader(folder.file("broken.h5")), DataError);
  }
}
