// Damaged result files: an error or an answer, never a crash. Worth most under AddressSanitizer.
#include <fstream>
#include <random>

#include "hooks/trace/trace.h"
#include "lib/base/json.h"
#include "tests/results/result_cases.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::result_cases;

namespace {

using Bytes = std::vector<std::uint8_t>;

void write_bytes(const std::filesystem::path& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
}

enum class ResultMutationOutcome { refused, damaged_value, same };

ResultMutationOutcome read_all(const std::filesystem::path& path) {
  is_result_file(path);
  try {
    const Result result = read_result(path);
    return result.complete() && first_wrong(result).empty() ? ResultMutationOutcome::same
                                                            : ResultMutationOutcome::damaged_value;
  } catch (const DataError& error) {
    REQUIRE_THAT(error.what(), contains(path.string()));
    return ResultMutationOutcome::refused;
  }
}

// Where the bytes that may change begin: the seal says it.
std::size_t metadata_end(const Bytes& whole) {
  const std::string text(whole.begin(), whole.begin() + 512);
  return std::stoull(text.substr(text.find("metadata ") + 9, 20));
}

}  // namespace

TEST_CASE("byte flips in a result are found, or harmless to all but a value") {
  const TempFolder folder;
  run(folder.file("r.h5"), result_header());
  const Bytes whole = file_bytes(folder.file("r.h5"));
  const std::size_t end = metadata_end(whole);
  std::vector<std::size_t> places;  // bytes that hold something, not the holes between them
  for (std::size_t i = 0; i < whole.size(); ++i) {
    if (whole[i] != 0 || i % 512 == 0) {
      places.push_back(i);
    }
  }
  std::mt19937 random(5);
  int refused = 0;
  for (int round = 0; round < 800; ++round) {
    CAPTURE(round);
    Bytes broken = whole;
    bool in_values = true;
    for (int flips = 1 + static_cast<int>(random() % 3); flips > 0; --flips) {
      const std::size_t place = places[random() % places.size()];
      broken[place] ^= static_cast<std::uint8_t>(1u << random() % 8);
      in_values = in_values && place >= end;
    }
    write_bytes(folder.file("broken.h5"), broken);
    const ResultMutationOutcome outcome = read_all(folder.file("broken.h5"));
    REQUIRE((outcome == ResultMutationOutcome::refused || in_values || broken == whole));
    refused += outcome == ResultMutationOutcome::refused ? 1 : 0;
  }
  CHECK(refused > 300);
}

TEST_CASE("a result cut short anywhere is refused") {
  const TempFolder folder;
  run(folder.file("r.h5"), result_header());
  const Bytes whole = file_bytes(folder.file("r.h5"));
  std::mt19937 random(6);
  for (std::size_t round = 0; round < 300; ++round) {
    const std::size_t keep = round < 20 ? round : random() % whole.size();
    write_bytes(folder.file("broken.h5"),
                Bytes(whole.begin(), whole.begin() + std::ssize(Bytes(keep))));
    REQUIRE(read_all(folder.file("broken.h5")) == ResultMutationOutcome::refused);
  }
}

TEST_CASE("every byte of a result's metadata is covered by the seal") {
  const TempFolder folder;
  run(folder.file("r.h5"), result_header());
  const Bytes whole = file_bytes(folder.file("r.h5"));
  // 12 cells, 5 prompts: marks and values, two baselines and their marks, the means.
  CHECK(whole.size() - metadata_end(whole) == 60 * 9 + 2 * 5 * 8 + 2 + 12 * 8);
}

TEST_CASE("what is no result is refused by its name, also to resume") {
  const TempFolder folder;
  const auto refused = [&](const std::string& name, const std::string& why) {
    CHECK_FALSE(is_result_file(folder.file(name)));
    CHECK_THROWS_AS(read_result(folder.file(name)), DataError);
    CHECK_THROWS_WITH(read_result(folder.file(name)), contains(name + ": " + why));
  };
  refused("none.h5", "cannot open");
  refused("", "not a file; give the path of a result");
  write_bytes(folder.file("text.h5"), {'h', 'i'});
  refused("text.h5", "not a headscope result");
  CHECK_THROWS_AS(ResultStore(folder.file("text.h5"), result_header(), IfExists::resume),
                  DataError);
  TraceWriter(folder.file("trace.h5"),
              {Json::object(), {{"a", "b", {1}, {}}}, {{"logits/last", {"prompt", "v"}, {2}}}},
              {});
  refused("trace.h5", "not a headscope result");
  run(folder.file("r.h5"), result_header());
  CHECK(is_result_file(folder.file("r.h5")));
  CHECK_THROWS_WITH(TraceReader(folder.file("r.h5")), contains("not a headscope trace"));
  Bytes newer = file_bytes(folder.file("r.h5"));
  newer[std::string("headscope-result ").size()] = '2';
  write_bytes(folder.file("newer.h5"), newer);
  CHECK(is_result_file(folder.file("newer.h5")));
  CHECK_THROWS_WITH(read_result(folder.file("newer.h5")),
                    contains("result version 2, but this headscope reads version 1"));
}
