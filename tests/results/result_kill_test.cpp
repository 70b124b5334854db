// A sweep killed at random moments: real processes, real SIGKILL.
#include <atomic>
#include <chrono>
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

// What the child tells before it dies: memory shared with it.
struct Shared {
  std::atomic<int> puts[kCells * kPrompts];  // how often put() returned for the pair
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
    if ((value.cell + 3 * value.prompt) % 8 == first) {
      values.push_back(value);
    }
  }
  return values;
}

void sweep(const std::filesystem::path& path, Shared& shared) {
  ResultStore store(path, header(kCells / 4, 4, kPrompts), IfExists::resume);
  put_baselines(store);
  for (std::int64_t first = 0; first < 8; ++first) {
    const std::vector<ResultStore::Value> values = batch_of(store, first);
    store.put(values);
    for (const ResultStore::Value& value : values) {
      ++shared.puts[value.cell * kPrompts + value.prompt];
    }
  }
  store.finish();
}

// Kills the child after `delay`; true if it was still running.
bool sweep_and_kill(const std::filesystem::path& path, unsigned delay, Shared& shared) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      sweep(path, shared);
      ::_exit(0);
    } catch (const std::exception&) {
      ::_exit(1);
    }
  }
  ::usleep(delay);
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
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

unsigned duration(const std::filesystem::path& path) {
  const auto memory = shared_memory();
  const auto begin = std::chrono::steady_clock::now();
  sweep(path, *memory);
  const auto took = std::chrono::steady_clock::now() - begin;
  return static_cast<unsigned>(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
}

}  // namespace

TEST_CASE("a sweep killed at random moments loses nothing done and ends as if never killed") {
  const TempFolder folder;
  const std::filesystem::path path = folder.file("r.h5");
  const unsigned longest = duration(folder.file("whole.h5")) * 5 / 4 + 1;
  const std::vector<std::uint8_t> whole = file_bytes(folder.file("whole.h5"));
  std::mt19937 random(21);
  Tally tally;
  for (int round = 0; round < 300 && tally.killed < 105; ++round) {
    CAPTURE(round);
    std::filesystem::remove(path);
    const auto shared = shared_memory();
    for (int again = 0; again < 2; ++again) {  // also a resumed one is killed
      tally.killed +=
          sweep_and_kill(path, static_cast<unsigned>(random() % longest), *shared) ? 1 : 0;
      check_after_kill(path, *shared, tally);
    }
    sweep(path, *shared);
    check_after_kill(path, *shared, tally);
    REQUIRE((file_bytes(path) == whole));
  }
  CHECK(tally.killed >= 100);
  CHECK(tally.partial > 20);
}
