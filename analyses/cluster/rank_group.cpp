#include "analyses/cluster/rank_group.h"

#include <algorithm>
#include <chrono>
#include <filesystem>

#include <unistd.h>

#include "analyses/cluster/block_queue.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr const char* kFailed = "failed";
constexpr const char* kDone = "done ";
constexpr auto kLook = std::chrono::milliseconds(20);

std::string once_key(const std::string& name) {
  return "once/" + name;
}

}  // namespace

RankGroup::RankGroup(const RankPlace& place, std::unique_ptr<KeyStore> store, double lease)
    : place_(place),
      store_(std::move(store)),
      lease_(lease),
      neighbours_(*store_, kSilentBeats * beat_pause(lease), steady_seconds) {
  join_crew();
  beat_once();
  heart_ = std::thread([this] { beat(); });
}

RankGroup::~RankGroup() {
  {
    const std::lock_guard lock(mutex_);
    leaving_ = true;
  }
  changed_.notify_all();
  heart_.join();
  try {
    store_->set(heartbeat_key(place_.rank), kGone);
  } catch (const std::exception&) {  // the store left first
  }
}

void RankGroup::join_crew() {
  for (;;) {
    const std::string there = store_->get(kCrewKey);
    const std::string size = std::to_string(place_.size);
    if ((!there.empty() && std::stoi(there) >= place_.size) ||
        store_->compare_set(kCrewKey, there, size) == size) {
      return;
    }
  }
}

// The process number tells a rank that was started anew from the one before.
void RankGroup::beat_once() {
  store_->set(heartbeat_key(place_.rank), fmt::format("{} {}", ::getpid(), beats_++));
  neighbours_.watch_neighbour(place_.rank, place_.size);
  const std::string failed = store_->get(kFailed);
  if (!failed.empty()) {
    stop(failed);
  }
}

void RankGroup::beat() {
  std::unique_lock lock(mutex_);
  const auto pause = std::chrono::duration<double>(beat_pause(lease_));
  while (!changed_.wait_for(lock, pause, [this] { return leaving_; })) {
    lock.unlock();
    try {
      beat_once();
    } catch (const std::exception& error) {
      stop(error.what());
      return;
    }
    lock.lock();
  }
}

void RankGroup::stop(const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (why_.empty()) {
    why_ = why;
  }
  stopped_ = true;
}

void RankGroup::check() const {
  if (stopped_) {
    const std::lock_guard lock(mutex_);
    throw ResourceError(why_);
  }
}

void RankGroup::fail(const std::string& message) noexcept {
  try {
    if (!stopped_) {
      store_->compare_set(
          kFailed, "", fmt::format("stopped, since rank {} did: {}", place_.rank, message));
    }
  } catch (const std::exception&) {  // cut off: the others take this rank for dead
  }
}

std::string RankGroup::once(const std::string& name, const std::function<std::string()>& work) {
  static const std::string done = kDone;
  const std::string key = once_key(name);
  const std::string mine = fmt::format("doing {}", place_.rank);
  RankWatch watch(*store_, lease_, steady_seconds);
  for (;;) {
    check();
    const std::string there = store_->get(key);
    if (there.starts_with(done)) {
      return there.substr(done.size());
    }
    if (there.empty() || there == mine || watch.dead(std::stoi(there.substr(6)))) {
      if (store_->compare_set(key, there, mine) == mine) {
        // A rank that slept beyond its lease meanwhile finds what another one made of it.
        store_->compare_set(key, mine, done + work());
        continue;
      }
    }
    std::this_thread::sleep_for(kLook);
  }
}

bool RankGroup::is_done(const std::string& name) {
  return store_->get(once_key(name)).starts_with(kDone);
}

bool RankGroup::serves() const {
  return place_.rank == 0 && place_.meeting_folder.empty() &&
         place_.server == RankPlace::Server::rank_0;
}

void RankGroup::leave_last() {
  RankWatch watch(*store_, lease_, steady_seconds);
  bool left = false;  // every other one said so
  for (bool alone = false; !alone;) {
    alone = left = true;
    const int ranks = std::stoi(store_->get(kCrewKey));
    for (int rank = 0; rank < ranks; ++rank) {
      if (rank != place_.rank) {
        alone = watch.dead(rank) && alone;
        left = left && store_->get(heartbeat_key(rank)) == kGone;
      }
    }
    std::this_thread::sleep_for(kLook);
  }
  if (left && !place_.meeting_folder.empty()) {
    std::error_code ignored;
    std::filesystem::remove_all(place_.meeting_folder, ignored);
    std::filesystem::remove(std::filesystem::path(place_.meeting_folder).parent_path(), ignored);
  }
}

}  // namespace headscope
