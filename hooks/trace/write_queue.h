// Jobs that run one after the other on a thread of their own, with a bound on the bytes that wait.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace headscope {

class WriteQueue {
 public:
  explicit WriteQueue(std::size_t most_bytes);
  ~WriteQueue();  // runs what is queued, then stops; failures are lost

  // Blocks while `bytes` more would exceed the bound and anything waits or runs. Rethrows the
  // failure of an earlier job; after one no further job runs.
  void push(std::size_t bytes, std::function<void()> job);

  // Rethrows the failure of an earlier job.
  void check();

  // Waits until every job has run. Rethrows the failure of one.
  void drain();

 private:
  struct Job {
    std::size_t bytes = 0;
    std::function<void()> run;
  };

  void work();
  void run(Job job);
  void rethrow() const;

  std::size_t most_bytes_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::size_t bytes_ = 0;  // of the jobs that wait or run
  bool running_ = false;
  bool stopping_ = false;
  std::exception_ptr failure_;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace headscope
