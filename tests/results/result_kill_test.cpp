// A sweep killed at random moments: real processes, real SIGKILL.
#include "tests/results/result_cases.h"
#include "tests/support/catch.h"
#include "tests/support/killed_child.h"

using namespace headscope;
using namespace headscope::result_cases;

namespace {

constexpr std::int64_t kCells = 16;
constexpr std::int64_t kResultKillPrompts = 8;
constexpr int kBatches = 8;
constexpr int kResultKillSteps = 2 + kBatches;

// What the child tells before it dies; its steps are the store, baselines and batches.
struct ResultKillShared : Steps {
  std::atomic<int> puts[kCells * kResultKillPrompts];  // how often put() returned for the pair
};

// Batches that cross cells, in an order of their own: pieces of several lengths in the file.
std::vector<ResultStore::Value> batch_of(const ResultStore& store, std::int64_t first) {
  std::vector<ResultStore::Value> values;
  for (const ResultStore::Value& value : missing(store, 0, kCells)) {
    if ((value.cell + 3 * value.prompt) % kBatches == first) {
      values.push_back(value);
    }
  }
  return values;
}

void sweep(const std::filesystem::path& path, ResultKillShared& shared) {
  ResultStore store(path, result_header(kCells / 4, 4, kResultKillPrompts), IfExists::resume);
  shared.step_done();
  put_baselines(store);
  shared.step_done();
  for (std::int64_t first = 0; first < kBatches; ++first) {
    const std::vector<ResultStore::Value> values = batch_of(store, first);
    store.put(values);
    for (const ResultStore::Value& value : values) {
      ++shared.puts[value.cell * kResultKillPrompts + value.prompt];
    }
    shared.step_done();
  }
  store.finish();
}

// Kills the child at a random one of its steps; true if it was still running.
bool sweep_and_kill(const std::filesystem::path& path,
                    std::mt19937& random,
                    ResultKillShared& shared) {
  const int step = static_cast<int>(random() % kResultKillSteps);
  return run_and_kill(shared, step, random, [&] { sweep(path, shared); });
}

struct ResultKillTally {
  int killed = 0;
  int partial = 0;  // left some pairs done and some not
};

void check_after_kill(const std::filesystem::path& path,
                      const ResultKillShared& shared,
                      ResultKillTally& tally) {
  int told = 0;
  for (const std::atomic<int>& puts : shared.puts) {
    REQUIRE(puts <= 1);  // none was written again after it was done
    told += puts;
  }
  if (!std::filesystem::exists(path)) {
    REQUIRE(told == 0);
    return;
  }
  const Result result = read_result(path);
  REQUIRE(result.done >= told);  // nothing that was told to be done is lost
  REQUIRE(first_wrong(result).empty());
  REQUIRE((result.clean.empty() || result.clean == baseline_of(kResultKillPrompts, 1.0)));
  REQUIRE((result.corrupted.empty() || result.corrupted == baseline_of(kResultKillPrompts, -1.0)));
  tally.partial += result.done > 0 && !result.complete() ? 1 : 0;
}

}  // namespace

TEST_CASE("a sweep killed at random moments loses nothing done and ends as if never killed") {
  const TempFolder folder;
  const std::filesystem::path path = folder.file("r.h5");
  sweep(folder.file("whole.h5"), *shared_memory<ResultKillShared>());
  const std::vector<std::uint8_t> whole = file_bytes(folder.file("whole.h5"));
  std::mt19937 random(21);
  ResultKillTally tally;
  for (int round = 0; round < 300 && tally.killed < 105; ++round) {
    CAPTURE(round);
    std::filesystem::remove(path);
    const auto shared = shared_memory<ResultKillShared>();
    for (int again = 0; again < 2; ++again) {  // also a resumed one is killed
      tally.killed += sweep_and_kill(path, random, *shared) ? 1 : 0;
      check_after_kill(path, *shared, tally);
    }
    sweep(path, *shared);
    check_after_kill(path, *shared, tally);
    REQUIRE((file_bytes(path) == whole));
  }
  CHECK(tally.killed >= 100);
  CHECK(tally.partial > 20);
}
