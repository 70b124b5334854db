// What clients have asked for and the engine has not begun: between their threads and its own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <variant>

#include "cli/serve/writing.h"

namespace headscope {

struct EngineLook {
  std::variant<ValuesJob, AttentionJob> job;
  Engine::Answer answer;
};

class EngineQueue {
 public:
  explicit EngineQueue(std::size_t most) : most_(most) {}

  // For clients' threads. Throws HttpError: 429 while `most` texts and looks wait, 503 after
  // close(). Gives the number of the job.
  std::uint64_t put(TextJob job, std::shared_ptr<TextListener> listener);
  void put(EngineLook look);
  void cancel(std::uint64_t job);  // nothing, if the job has ended
  [[nodiscard]] std::int64_t size() const;

  // For the engine's thread.
  void wait();  // until there is something to do, a little while at most
  // The jobs that are cancelled since the last time; those that wait are gone from here.
  std::set<std::uint64_t> take_cancelled();
  // The first text, if there is one and it `may_run`, else null.
  WritingPtr take_text(const std::function<bool(const Writing&)>& may_run);
  void put_back(const WritingPtr& writing);  // as the first
  std::optional<EngineLook> take_look();
  void ended(std::uint64_t job);  // cannot be cancelled any more

  // Takes nothing more. What is left.
  struct Left {
    std::deque<WritingPtr> texts;
    std::deque<EngineLook> looks;
  };
  Left close();

 private:
  void check_room() const;  // under the lock

  std::size_t most_;
  mutable std::mutex mutex_;
  std::condition_variable woken_;
  std::deque<WritingPtr> texts_;
  std::deque<EngineLook> looks_;
  std::set<std::uint64_t> cancelled_;
  std::set<std::uint64_t> known_;  // jobs that have not ended
  std::uint64_t next_number_ = 0;
  bool closed_ = false;
};

}  // namespace headscope
