// The ranks of one job, seen from one of them: who is alive, who failed, what is done by one for
// all.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "analyses/cluster/key_store.h"
#include "analyses/cluster/place.h"
#include "analyses/cluster/rank_watch.h"

namespace headscope {

class RankGroup {
 public:
  // Joins. `lease`: seconds without a heartbeat after which a rank is taken for dead.
  RankGroup(const RankPlace& place, std::unique_ptr<KeyStore> store, double lease);
  ~RankGroup();  // the others hear at once that it left
  RankGroup(const RankGroup&) = delete;
  RankGroup& operator=(const RankGroup&) = delete;

  [[nodiscard]] const RankPlace& place() const { return place_; }
  [[nodiscard]] KeyStore& store() { return *store_; }
  [[nodiscard]] double lease() const { return lease_; }

  // Runs `work` in one rank, in another one if that dies over it; the others wait. All get what it
  // returned. Throws what `work` throws, in its rank, and what check() throws.
  std::string once(const std::string& name, const std::function<std::string()>& work);

  // Whether some rank has come to the end of once() of that name.
  [[nodiscard]] bool is_done(const std::string& name);

  // Another rank failed, or this one is cut off: to be asked often.
  [[nodiscard]] bool stopped() const { return stopped_; }
  void check() const;  // throws the ResourceError that says why, if stopped()

  // Tells the others that this one failed, so that they stop; the first to fail is the one they
  // name. Never throws: it is called where an error is under way.
  void fail(const std::string& message) noexcept;

  // Whether the others need this one to stay: rank 0 where it is their store.
  [[nodiscard]] bool serves() const;

  // All is done: waits until the others have left or died. Then nobody needs the folder that they
  // met in, unless one of them may yet come.
  void leave_last();

 private:
  void beat();  // the thread's
  void beat_once();
  void stop(const std::string& why);
  void join_crew();

  RankPlace place_;
  std::unique_ptr<KeyStore> store_;
  double lease_;
  std::atomic<bool> stopped_ = false;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool leaving_ = false;
  std::string why_;
  std::int64_t beats_ = 0;
  RankWatch neighbours_;  // the heart's
  std::thread heart_;
};

}  // namespace headscope
