#include "tests/results/result_cases.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::result_cases;

namespace {

using Paths = std::vector<std::filesystem::path>;

ResultHeader shard_header(const std::string& shard) {
  ResultHeader made = result_header();
  made.provenance["shard"] = shard;
  return made;
}

void refused(const Paths& shards, const std::string& why) {
  const std::filesystem::path out = shards.front().parent_path() / "merged.h5";
  CHECK_THROWS_AS(merge_results(shards, out, IfExists::fail), UsageError);
  CHECK_THROWS_WITH(merge_results(shards, out, IfExists::fail), contains(why));
  CHECK_FALSE(std::filesystem::exists(out));
}

// The bytes behind the metadata: marks, baselines, means and values.
std::vector<std::uint8_t> values_of(const std::filesystem::path& path) {
  const std::vector<std::uint8_t> whole = file_bytes(path);
  return {whole.end() - (60 * 9 + 2 * 5 * 8 + 2 + 12 * 8), whole.end()};
}

}  // namespace

TEST_CASE("merged shards are what one process would have written") {
  const TempFolder folder;
  const Paths shards{folder.file("a.h5"), folder.file("b.h5"), folder.file("c.h5")};
  run(shards[0], shard_header("0/3"), IfExists::fail, 0, 5);
  run(shards[1], shard_header("1/3"), IfExists::fail, 5, 6);
  run(shards[2], shard_header("2/3"), IfExists::fail, 6, 12);
  run(folder.file("whole.h5"), result_header());
  merge_results({shards[2], shards[0], shards[1]}, folder.file("m.h5"), IfExists::fail);
  const Result merged = read_result(folder.file("m.h5"));
  CHECK(merged.complete());
  CHECK(first_wrong(merged).empty());
  CHECK((values_of(folder.file("m.h5")) == values_of(folder.file("whole.h5"))));
  CHECK(merged.header.provenance["identity"] == result_header().provenance["identity"]);
  CHECK_FALSE(merged.header.provenance.contains("shard"));
  CHECK(merged.header.provenance["shards"][0]["shard"] == "2/3");
  CHECK(merged.header.provenance["shards"][1]["path"] == shards[0].string());
  CHECK_NOTHROW(merge_results(shards, folder.file("m.h5"), IfExists::replace));
  CHECK_NOTHROW(merge_results(shards, folder.file("m.h5"), IfExists::resume));
  CHECK_THROWS_WITH(merge_results(shards, folder.file("m.h5"), IfExists::fail),
                    contains("exists already"));
  CHECK_THROWS_WITH(merge_results(shards, shards[1], IfExists::replace),
                    contains("is one of the shards"));
  CHECK(read_result(shards[1]).done == 5);
}

TEST_CASE("shards may split the prompts of a cell between them") {
  const TempFolder folder;
  ResultStore a(folder.file("a.h5"), shard_header("0/2"), IfExists::fail);
  ResultStore b(folder.file("b.h5"), shard_header("1/2"), IfExists::fail);
  put_baselines(a);
  put_baselines(b);
  for (const ResultStore::Value& value : missing(a, 0, a.cells())) {
    (value.prompt < 2 ? a : b).put({value});
  }
  merge_results({folder.file("a.h5"), folder.file("b.h5")}, folder.file("m.h5"), IfExists::fail);
  run(folder.file("whole.h5"), result_header());
  CHECK((values_of(folder.file("m.h5")) == values_of(folder.file("whole.h5"))));
}

TEST_CASE("shards that overlap, leave gaps or do not belong together are refused by name") {
  const TempFolder folder;
  const Paths shards{folder.file("a.h5"), folder.file("b.h5")};
  run(shards[0], shard_header("0/2"), IfExists::fail, 0, 6);
  const auto second = [&](const ResultHeader& made, std::int64_t begin, std::int64_t end) {
    run(shards[1], made, IfExists::replace, begin, end);
  };
  second(shard_header("1/2"), 5, 12);
  refused(
      shards,
      shards[0].string() + " and " + shards[1].string() + " both hold layer 1, head 2, prompt p0");
  second(shard_header("1/2"), 7, 12);
  refused(shards,
          shards[0].string() + ", " + shards[1].string() +
              ": layer 2, head 0, prompt p0 is in none of them");
  refused({shards[0], shards[0]}, "both hold layer 0, head 0, prompt p0");
  refused({shards[0]}, "layer 2, head 0, prompt p0 is in none of them");
  ResultHeader other = shard_header("1/2");
  other.provenance["identity"]["seed"] = 8;
  second(other, 6, 12);
  refused(shards, "are not of one sweep: seed is 7 in the first but 8 in the other");
  other = shard_header("1/2");
  other.metric = "kl";
  second(other, 6, 12);
  refused(shards, "metric is logit_diff in the first but kl in the other");
  CHECK_THROWS_AS(merge_results({}, folder.file("m.h5"), IfExists::fail), UsageError);
  CHECK_THROWS_AS(merge_results({shards[0], folder.file("none.h5")}, folder.file("m.h5"), {}),
                  DataError);
}

TEST_CASE("shards whose baselines are not the same bit for bit are refused") {
  const TempFolder folder;
  const Paths shards{folder.file("a.h5"), folder.file("b.h5")};
  run(shards[0], shard_header("0/2"), IfExists::fail, 0, 6);
  {
    ResultStore store(shards[1], shard_header("1/2"), IfExists::fail);
    store.put(missing(store, 6, 12));
    refused(shards, shards[1].string() + " has no clean baseline but " + shards[0].string());
    store.put_baseline(Run::clean, baseline_of(5, 1.0));
    std::vector<double> other = baseline_of(5, -1.0);
    other[2] = std::nextafter(other[2], 0.0);
    store.put_baseline(Run::corrupted, other);
  }
  refused(shards, "the corrupted baseline of prompt p2 is -1 in the first but -0.9999");
}
