#include "lib/base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

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

// One loop in flight: hands out ranges and keeps the first failure.
class Loop {
 public:
  Loop(std::int64_t count,
       std::int64_t grain,
       const std::function<void(std::int64_t, std::int64_t)>& body)
      : count_(count), grain_(grain), body_(body) {}

  void work() {
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

  void rethrow() const {
    if (failure_) {
      std::rethrow_exception(failure_);
    }
  }

 private:
  std::int64_t count_;
  std::int64_t grain_;
  const std::function<void(std::int64_t, std::int64_t)>& body_;
  std::atomic<std::int64_t> next_{0};
  std::mutex mutex_;
  std::exception_ptr failure_;
};

}  // namespace

int thread_count() { return threads_setting(); }

void set_thread_count(int threads) { threads_setting() = std::max(1, threads); }

void parallel_for(std::int64_t count,
                  std::int64_t grain,
                  const std::function<void(std::int64_t, std::int64_t)>& body) {
  Loop loop(count, std::max<std::int64_t>(1, grain), body);
  const std::int64_t ranges = (count + grain - 1) / std::max<std::int64_t>(1, grain);
  const auto helpers = std::min<std::int64_t>(thread_count(), ranges) - 1;
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
