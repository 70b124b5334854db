// A sweep killed at random moments: real processes, real SIGKILL.
#include <atomic>
#include <memory>
#include <random>

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/results/result_cases.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::result_cases;

namespace {

constexpr std::int64_t kCells = 16;
constexpr std::int64_t kPrompts = 8;
constexpr int kBatches = 8;
constexpr int kSteps = 2 + kBatches;

// What the child tells before it dies: memory shared with it.
struct Shared {
  std::atomic<int> puts[kCells * kPrompts];  // how often put() returned for the pair
  std::atomic<int> steps;                    // of this process: store, baselines, batches, result
};

struct Unmap {
  void operator()(Shared* memory) const { ::munmap(memory, sizeof(Shared)); }
};

std::unique_ptr<Shared, Unmap> shared_memory() {
  void* memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  return std::unique_ptr<Shared, Unmap>(new (memory) Shared{});
}

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

void sweep(const std::filesystem::path& path, Shared& shared) {
  shared.steps = 0;
  ResultStore store(path, header(kCells / 4, 4, kPrompts), IfExists::resume);
  ++shared.steps;
  put_baselines(store);
  ++shared.steps;
  for (std::int64_t first = 0; first < kBatches; ++first) {
    const std::vector<ResultStore::Value> values = batch_of(store, first);
    store.put(values);
    for (const ResultStore::Value& value : values) {
      ++shared.puts[value.cell * kPrompts + value.prompt];
    }
    ++shared.steps;
  }
  store.finish();
}

// Kills the child a random moment after a random one of its steps, so that the moments are spread
// over its work however fast the machine is; true if it was still running.
bool sweep_and_kill(const std::filesystem::path& path, std::mt19937& random, Shared& shared) {
  const int step = static_cast<int>(random() % kSteps);
  const auto delay = static_cast<unsigned>(random() % (1u << random() % 13));  // microseconds
  shared.steps = 0;
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      sweep(path, shared);
      ::_exit(0);
    } catch (const std::exception&) {
      ::_exit(1);
    }
  }
  int status = 0;
  bool ended = false;
  while (shared.steps < step && !ended) {
    ::usleep(20);
    ended = ::waitpid(child, &status, WNOHANG) == child;
  }
  if (!ended) {
    ::usleep(delay);
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
  }
  REQUIRE((WIFSIGNALED(status) || WEXITSTATUS(status) == 0));
  return WIFSIGNALED(status);
}

struct Tally {
  int killed = 0;
  int partial = 0;  // left some pairs done and some not
};

void check_after_kill(const std::filesystem::path& path, const Shared& shared, Tally& tally) {
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
  REQUIRE((result.clean.empty() || result.clean == baseline_of(kPrompts, 1.0)));
  REQUIRE((result.corrupted.empty() || result.corrupted == baseline_of(kPrompts, -1.0)));
  tally.partial += result.done > 0 && !result.complete() ? 1 : 0;
}

}  // namespace

TEST_CASE("a sweep killed at random moments loses nothing done and ends as if never killed") {
  const TempFolder folder;
  const std::filesystem::path path = folder.file("r.h5");
  sweep(folder.file("whole.h5"), *shared_memory());
  const std::vector<std::uint8_t> whole = file_bytes(folder.file("whole.h5"));
  std::mt19937 random(21);
  Tally tally;
  for (int round = 0; round < 300 && tally.killed < 105; ++round) {
    CAPTURE(round);
    std::filesystem::remove(path);
    const auto shared = shared_memory();
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
