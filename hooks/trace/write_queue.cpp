#include "hooks/trace/write_queue.h"

#include <utility>

#include "hooks/stored/disk_space.h"
namespace headscope {

WriteQueue::WriteQueue(std::size_t most_bytes)
    : most_bytes_(most_bytes), thread_([this] { work(); }) {}

WriteQueue::~WriteQueue() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void WriteQueue::rethrow() const {
  if (failure_) {
    std::rethrow_exception(failure_);
  }
}

void WriteQueue::push(std::size_t bytes, std::function<void()> job) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return failure_ || bytes_ == 0 || bytes_ + bytes <= most_bytes_; });
  rethrow();
  bytes_ += bytes;
  jobs_.push_back({bytes, std::move(job)});
  lock.unlock();
  changed_.notify_all();
}

void WriteQueue::check() {
  const std::lock_guard lock(mutex_);
  rethrow();
}

void WriteQueue::drain() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return failure_ || (jobs_.empty() && !running_); });
  rethrow();
}

void WriteQueue::run(Job job) {
  try {
    job.run();
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
    jobs_.clear();
  }
}

void WriteQueue::work() {
  const FileSizeSignalBlocked blocked;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) {
      return;
    }
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    running_ = true;
    const std::size_t bytes = job.bytes;
    lock.unlock();
    run(std::move(job));
    lock.lock();
    running_ = false;
    bytes_ = failure_ ? 0 : bytes_ - bytes;
    changed_.notify_all();
  }
}

}  // namespace headscope
