// Damaged traces: an error or an answer, never a crash. Worth most under AddressSanitizer.
#include <fstream>
#include <random>
#include <set>

#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/trace/trace_cases.h"

using namespace headscope;
using namespace headscope::trace_cases;

namespace {

std::string file_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc).write(text.data(), std::ssize(text));
}

// As real recordings have: HDF5 keeps the text of so many attributes in several heaps.
TraceHeader wide_header(std::size_t prompts) {
  TraceHeader made = header(prompts);
  for (int layer = 0; layer < 40; ++layer) {
    const std::string block = fmt::format("blocks.{}.", 100 + layer);
    made.datasets.push_back(
        {block + "hook_resid_pre", {"prompt", "pos", "d_model"}, {0, 2}, DType::f32});
    made.datasets.push_back(
        {block + "attn.hook_z", {"prompt", "pos", "head", "d_head"}, {0, kHeads, 2}, DType::f32});
    made.datasets.push_back({block + "attn.hook_pattern",
                             {"prompt", "head", "query", "key"},
                             {kHeads, 0, 0},
                             DType::f32});
  }
  return made;
}

// Where the axis names stand in the file, each place once.
std::vector<std::size_t> axis_bytes(const std::string& file, const TraceHeader& made) {
  std::set<std::string> names;
  for (const TraceDataset& dataset : made.datasets) {
    names.insert(dataset.axes.begin(), dataset.axes.end());
  }
  std::vector<std::size_t> places;
  for (const std::string& name : names) {
    for (std::size_t at = file.find(name); at != std::string::npos; at = file.find(name, at + 1)) {
      places.push_back(at);
    }
  }
  return places;
}

enum class TraceMutationOutcome { refused, damaged_value, same };

TraceMutationOutcome read_all(const std::filesystem::path& path, const TraceHeader& made) {
  try {
    const TraceReader reader(path);
    inspect_trace(path);
    return first_wrong(reader, made).empty() && reader.complete()
               ? TraceMutationOutcome::same
               : TraceMutationOutcome::damaged_value;
  } catch (const DataError& error) {
    REQUIRE_THAT(error.what(), contains(path.string()));
    return TraceMutationOutcome::refused;
  }
}

}  // namespace

TEST_CASE("byte flips anywhere are found or harmless") {
  const int compress = GENERATE(0, 6);
  const bool wide = GENERATE(false, true);
  const int rounds = wide ? 150 : 1500;
  const TempFolder folder;
  const TraceHeader made = wide ? wide_header(3) : header(3);
  TraceWriter::Options options;
  options.compress = compress;
  record(folder.file("t.h5"), made, options);
  const std::string whole = file_text(folder.file("t.h5"));
  std::vector<std::size_t> places;  // bytes that hold something, not the holes between them
  for (std::size_t i = 0; i < whole.size(); ++i) {
    if (whole[i] != 0 || i % 512 == 0) {
      places.push_back(i);
    }
  }
  std::mt19937 random(3);
  int refused = 0;
  for (int round = 0; round < rounds; ++round) {
    std::string broken = whole;
    for (int flips = 1 + static_cast<int>(random() % 3); flips > 0; --flips) {
      broken[places[random() % places.size()]] ^= static_cast<char>(1u << random() % 8);
    }
    CAPTURE(round);
    write_text(folder.file("broken.h5"), broken);
    const TraceMutationOutcome outcome = read_all(folder.file("broken.h5"), made);
    // Values of an uncompressed trace carry no checksum; those of a compressed one do.
    const bool allowed = outcome != TraceMutationOutcome::damaged_value || compress == 0;
    REQUIRE((allowed || broken == whole));
    refused += outcome == TraceMutationOutcome::refused ? 1 : 0;
  }
  CHECK(refused > rounds / 3);
}

TEST_CASE("a flipped byte in any axis name of a trace of many hooks is found") {
  const TempFolder folder;
  const TraceHeader made = wide_header(2);
  record(folder.file("t.h5"), made);
  const std::string whole = file_text(folder.file("t.h5"));
  std::size_t axes = 0;
  for (const TraceDataset& dataset : made.datasets) {
    axes += dataset.axes.size();
  }
  const std::vector<std::size_t> places = axis_bytes(whole, made);
  REQUIRE(places.size() >= axes);  // each dataset's own text is in the file
  std::mt19937 random(5);
  for (const std::size_t place : places) {
    CAPTURE(place);
    std::string broken = whole;
    broken[place + random() % 3] ^= static_cast<char>(1u << random() % 8);
    write_text(folder.file("broken.h5"), broken);
    REQUIRE_THROWS_AS(TraceReader(folder.file("broken.h5")), DataError);
  }
}

TEST_CASE("a trace cut short anywhere is refused") {
  const TempFolder folder;
  const TraceHeader made = header(3);
  record(folder.file("t.h5"), made);
  const std::string whole = file_text(folder.file("t.h5"));
  std::mt19937 random(4);
  for (int round = 0; round < 300; ++round) {
    const std::size_t keep = round < 2 ? static_cast<std::size_t>(round) : random() % whole.size();
    write_text(folder.file("broken.h5"), whole.substr(0, keep));
    REQUIRE(read_all(folder.file("broken.h5"), made) == TraceMutationOutcome::refused);
  }
  write_text(folder.file("broken.h5"), whole + "x");
  CHECK_THROWS_WITH(TraceReader(folder.file("broken.h5")), contains("bytes long but should be"));
}

TEST_CASE("every byte of metadata is covered by the seal") {
  const TempFolder folder;
  const TraceHeader made = GENERATE(header(2), wide_header(2));
  record(folder.file("t.h5"), made, {});
  const std::string whole = file_text(folder.file("t.h5"));
  const std::size_t end = std::stoull(whole.substr(whole.find("metadata ") + 9, 20));
  // Everything after is /done and the values, so no byte of HDF5's own lies there.
  std::size_t values = made.prompts.size();
  const TraceReader reader(folder.file("t.h5"));
  for (const TraceDataset& dataset : reader.datasets()) {
    values += static_cast<std::size_t>(elements_of(dataset)) * 4 * made.prompts.size();
  }
  CHECK(whole.size() - end == values);
}
