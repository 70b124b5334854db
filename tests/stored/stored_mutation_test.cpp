// Damaged files: an error or an answer, never a crash. Worth most under AddressSanitizer.
#include <algorithm>
#include <random>
#include <set>

#include "tests/stored/stored_damage.h"

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
          {result_kind("result", result_cases::result_header()), 800},
          {log_kind("log of lines", 8), 800}};
}

std::vector<StoredKind> sealed_kinds() {
  std::vector<StoredKind> kinds;
  for (const Mutated& each : mutated_kinds()) {
    if (each.kind.sealed) {
      kinds.push_back(each.kind);
    }
  }
  return kinds;
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
  flip_bytes(kind, rounds);
}

TEST_CASE("a file cut short anywhere, or longer than it was, is refused") {
  const StoredKind kind = GENERATE(from_range(sealed_kinds()));
  CAPTURE(kind.name);
  cut_short(kind);
}

TEST_CASE("a log cut short anywhere in its lines keeps the whole ones and goes on behind them") {
  const StoredKind kind = log_kind("log of lines", 6);
  const TempFolder folder;
  const Bytes whole = bytes_written(kind, folder);
  for (std::size_t keep = 0; keep < whole.size(); ++keep) {
    CAPTURE(keep);
    const auto end = whole.begin() + static_cast<std::ptrdiff_t>(keep);
    write_bytes(folder.file("broken.h5"), {whole.begin(), end});
    if (keep < metadata_end(whole)) {
      REQUIRE(answer_of(kind, folder.file("broken.h5")) == Answer::refused);
      continue;
    }
    const auto lines = static_cast<std::size_t>(std::count(whole.begin(), end, '\n')) - 1;
    const Seen seen = kind.read(folder.file("broken.h5"));
    REQUIRE(seen.done == lines);
    REQUIRE(seen.wrong.empty());
    if (keep % 40 == 0) {
      kind.write(folder.file("broken.h5"), {});
      REQUIRE((file_bytes(folder.file("broken.h5")) == whole));
    }
  }
}

TEST_CASE("every byte of metadata is covered by the seal") {
  const StoredKind kind = GENERATE(from_range(sealed_kinds()));
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
