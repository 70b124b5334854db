#include "cli/serve/engine_queue.h"

#include <chrono>

#include <fmt/format.h>

namespace headscope {

void EngineQueue::check_room() const {
  if (closed_) {
    throw HttpError(503, "the server is shutting down", "shutting_down");
  }
  if (texts_.size() + looks_.size() >= most_) {
    throw HttpError(
        429, fmt::format("{} requests wait already: try again later", most_), "queue_full");
  }
}

std::uint64_t EngineQueue::put(TextJob job, std::shared_ptr<TextListener> listener) {
  const std::lock_guard lock(mutex_);
  check_room();
  const std::uint64_t number = next_number_++;
  texts_.push_back(std::make_shared<Writing>(
      Writing{.number = number, .job = std::move(job), .listener = std::move(listener)}));
  known_.insert(number);
  woken_.notify_one();
  return number;
}

void EngineQueue::put(EngineLook look) {
  const std::lock_guard lock(mutex_);
  check_room();
  looks_.push_back(std::move(look));
  woken_.notify_one();
}

void EngineQueue::cancel(std::uint64_t job) {
  const std::lock_guard lock(mutex_);
  if (known_.contains(job)) {
    cancelled_.insert(job);
    woken_.notify_one();
  }
}

std::int64_t EngineQueue::size() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::int64_t>(texts_.size() + looks_.size());
}

void EngineQueue::wait() {
  std::unique_lock lock(mutex_);
  woken_.wait_for(lock, std::chrono::milliseconds(50), [this] {
    return !texts_.empty() || !looks_.empty() || !cancelled_.empty();
  });
}

std::set<std::uint64_t> EngineQueue::take_cancelled() {
  const std::lock_guard lock(mutex_);
  std::set<std::uint64_t> cancelled;
  cancelled.swap(cancelled_);
  std::erase_if(texts_, [&](const WritingPtr& each) { return cancelled.contains(each->number); });
  for (const std::uint64_t job : cancelled) {
    known_.erase(job);
  }
  return cancelled;
}

WritingPtr EngineQueue::take_text(const std::function<bool(const Writing&)>& may_run) {
  const std::lock_guard lock(mutex_);
  if (texts_.empty() || !may_run(*texts_.front())) {
    return nullptr;
  }
  WritingPtr first = texts_.front();
  texts_.pop_front();
  return first;
}

void EngineQueue::put_back(const WritingPtr& writing) {
  const std::lock_guard lock(mutex_);
  texts_.push_front(writing);
}

std::optional<EngineLook> EngineQueue::take_look() {
  const std::lock_guard lock(mutex_);
  if (looks_.empty()) {
    return std::nullopt;
  }
  EngineLook first = std::move(looks_.front());
  looks_.pop_front();
  return first;
}

void EngineQueue::ended(std::uint64_t job) {
  const std::lock_guard lock(mutex_);
  known_.erase(job);
}

EngineQueue::Left EngineQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  Left left;
  left.texts.swap(texts_);
  left.looks.swap(looks_);
  return left;
}

}  // namespace headscope
