#include "lib/base/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <sched.h>

namespace headscope {
namespace {

int allowed_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

std::atomic<int>& threads_setting() {
  static std::atomic<int> threads{allowed_cores()};
  return threads;
}

// Set on every thread that runs a loop's body: a loop inside a loop stays on its thread instead of
// starting more threads than there are cores.
thread_local bool inside_loop = false;

// One loop in flight: hands out ranges and keeps the first failure.
class Loop {
 public:
  Loop(std::int64_t count,
       std::int64_t grain,
       const std::function<void(std::int64_t, std::int64_t)>& body)
      : count_(count), grain_(grain), body_(body) {}

  void work() {
    const bool nested = std::exchange(inside_loop, true);
    take_ranges();
    inside_loop = nested;
  }

  void rethrow() const {
    if (failure_) {
      std::rethrow_exception(failure_);
    }
  }

 private:
  void take_ranges() {
    for (;;) {
      const std::int64_t begin = next_.fetch_add(grain_);
      if (begin >= count_) {
        return;
      }
      try {
        body_(begin, std::min(count_, begin + grain_));
      } catch (...) {
        const std::lock_guard lock(mutex_);
        failure_ = failure_ ? failure_ : std::current_exception();
        next_ = count_;
      }
    }
  }

  std::int64_t count_;
  std::int64_t grain_;
  const std::function<void(std::int64_t, std::int64_t)>& body_;
  std::atomic<std::int64_t> next_{0};
  std::mutex mutex_;
  std::exception_ptr failure_;
};

}  // namespace

int thread_count() {
  return threads_setting();
}

void set_thread_count(int threads) {
  threads_setting() = std::max(1, threads);
}

void parallel_for(std::int64_t count,
                  std::int64_t grain,
                  const std::function<void(std::int64_t, std::int64_t)>& body) {
  grain = std::clamp<std::int64_t>(grain, 1, std::max<std::int64_t>(1, count));
  Loop loop(count, grain, body);
  const std::int64_t ranges = (count + grain - 1) / grain;
  const std::int64_t threads_wanted = inside_loop ? 1 : thread_count();
  const std::int64_t helpers = std::min(threads_wanted, ranges) - 1;
  {
    std::vector<std::jthread> threads;
    for (std::int64_t i = 0; i < helpers; ++i) {
      threads.emplace_back([&loop] { loop.work(); });
    }
    loop.work();
  }
  loop.rethrow();
}

}  // namespace headscope
