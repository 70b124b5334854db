#include "lib/base/parallel.h"

#include <atomic>
#include <chrono>
#include <limits>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/support/catch.h"

using namespace headscope;

namespace {

// The program's setting, put back at the end of a test.
class Threads {
 public:
  explicit Threads(int threads) { set_thread_count(threads); }
  ~Threads() { set_thread_count(before_); }

 private:
  int before_ = thread_count();
};

}  // namespace

TEST_CASE("every index is visited once, in ranges of the grain") {
  for (const int threads : {1, 2, 5}) {
    const Threads setting(threads);
    for (const std::int64_t count : {0, 1, 7, 64, 1000}) {
      for (const std::int64_t grain : {1, 7, 64, 5000}) {
        std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
        std::atomic<bool> fits = true;
        parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
          fits =
              fits && begin % grain == 0 && (end - begin == grain || end == count) && begin < end;
          for (std::int64_t i = begin; i < end; ++i) {
            ++visits[static_cast<std::size_t>(i)];
          }
        });
        REQUIRE(fits);
        for (const auto& visit : visits) {
          REQUIRE(visit == 1);
        }
      }
    }
  }
}

TEST_CASE("grains of nothing and beyond all bounds work") {
  std::atomic<std::int64_t> sum = 0;
  const auto add = [&](std::int64_t begin, std::int64_t end) { sum += end - begin; };
  parallel_for(10, 0, add);
  parallel_for(10, -3, add);
  parallel_for(10, std::numeric_limits<std::int64_t>::max(), add);
  parallel_for(-1, 1, add);
  CHECK(sum == 30);
}

TEST_CASE("a loop runs on as many threads as set") {
  const Threads setting(3);
  CHECK(thread_count() == 3);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  std::atomic<int> arrived = 0;
  parallel_for(3, 1, [&](std::int64_t, std::int64_t) {
    ++arrived;
    while (arrived < 3) {  // only three threads at once get past
      std::this_thread::yield();
    }
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
  });
  CHECK(threads.size() == 3);
  set_thread_count(0);
  CHECK(thread_count() == 1);
}

TEST_CASE("a loop inside a loop stays on its thread") {
  const Threads setting(4);
  std::atomic<int> strangers = 0;
  parallel_for(4, 1, [&](std::int64_t, std::int64_t) {
    const auto mine = std::this_thread::get_id();
    parallel_for(20, 1, [&](std::int64_t, std::int64_t) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));  // time for helpers to join
      strangers += std::this_thread::get_id() == mine ? 0 : 1;
    });
  });
  CHECK(strangers == 0);
}

TEST_CASE("the first failure is thrown and ends the loop") {
  const Threads setting(2);
  std::atomic<int> calls = 0;
  const auto fail = [&](std::int64_t, std::int64_t) {
    ++calls;
    throw std::runtime_error("no");
  };
  CHECK_THROWS_WITH(parallel_for(1'000'000, 1, fail), "no");
  CHECK(calls <= 4);
  std::atomic<int> after = 0;
  parallel_for(10, 1, [&](std::int64_t, std::int64_t) { ++after; });
  CHECK(after == 10);
}
