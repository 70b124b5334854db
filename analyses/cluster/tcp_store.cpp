// The store of LibTorch's c10d. Its calls may wait for ever once a cable is cut, so that a thread
// of its own makes them and the asking one waits no longer than it has patience.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include <c10/util/Flags.h>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "analyses/cluster/key_store.h"
#include "lib/base/error.h"

C10_DECLARE_int(caffe2_log_level);

namespace headscope {
namespace {

// c10d tells of each lost connection on standard error, with a stack trace; our errors say it in
// one line.
void silence_c10d() {
  constexpr int kFatalAlone = 3;
  FLAGS_caffe2_log_level = kFatalAlone;
}

using Call = std::packaged_task<std::string(c10d::TCPStore&)>;

// What the asking threads and the calling one share; it outlives the store where a call hangs.
struct Calls {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Call> waiting;
  bool closed = false;
};

void make_calls(const std::shared_ptr<Calls>& calls, c10::intrusive_ptr<c10d::TCPStore> store) {
  std::unique_lock lock(calls->mutex);
  for (;;) {
    calls->changed.wait(lock, [&] { return calls->closed || !calls->waiting.empty(); });
    if (calls->closed) {
      return;
    }
    Call call = std::move(calls->waiting.front());
    calls->waiting.pop_front();
    lock.unlock();
    call(*store);
    lock.lock();
  }
}

class TcpStore final : public KeyStore {
 public:
  TcpStore(const RankPlace& place, double patience)
      : where_(fmt::format("{}:{}", place.meeting_host, place.meeting_port)),
        prefix_(fmt::format("headscope/{}/", place.restarts)),
        patience_(patience),
        calls_(std::make_shared<Calls>()),
        caller_(make_calls, calls_, connect(place)) {}

  ~TcpStore() override {
    {
      const std::lock_guard lock(calls_->mutex);
      calls_->closed = true;
    }
    calls_->changed.notify_all();
    hangs_ ? caller_.detach() : caller_.join();
  }
  TcpStore(const TcpStore&) = delete;
  TcpStore& operator=(const TcpStore&) = delete;

  // c10d's own get() waits for a key; a comparison that fails tells it at once. Of a key that is
  // not there it returns what was expected.
  std::string get(const std::string& key) override {
    static const std::string never = "\x01";
    std::string there = compare_set(key, never, never);
    return there == never ? "" : there;
  }

  void set(const std::string& key, const std::string& value) override {
    ask([name = prefix_ + key, value](c10d::TCPStore& store) {
      store.set(name, std::vector<std::uint8_t>(value.begin(), value.end()));
      return std::string();
    });
    // c10d's set() does not wait for the server, so that another rank could still read the old
    // text. One connection keeps its order: once it answers a question, it has done what came
    // before.
    get(key);
  }

  std::string compare_set(const std::string& key,
                          const std::string& expected,
                          const std::string& desired) override {
    return ask([name = prefix_ + key, expected, desired](c10d::TCPStore& store) {
      const std::vector<std::uint8_t> there =
          store.compareSet(name,
                           std::vector<std::uint8_t>(expected.begin(), expected.end()),
                           std::vector<std::uint8_t>(desired.begin(), desired.end()));
      return std::string(there.begin(), there.end());
    });
  }

 private:
  [[nodiscard]] c10::intrusive_ptr<c10d::TCPStore> connect(const RankPlace& place) const {
    c10d::TCPStoreOptions options;
    options.port = static_cast<std::uint16_t>(place.meeting_port);
    options.isServer = place.rank == 0 && place.server == RankPlace::Server::rank_0;
    options.waitWorkers = false;
    options.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(patience_ * 1000));
    try {
      return c10::make_intrusive<c10d::TCPStore>(place.meeting_host, options);
    } catch (const std::exception&) {
      throw ResourceError("rank {} cannot {} {} (MASTER_ADDR, MASTER_PORT); {}",
                          place.rank,
                          options.isServer ? "listen at" : "reach rank 0 at",
                          where_,
                          options.isServer
                              ? "choose another port"
                              : "see that rank 0 runs and that the network lets this host there");
    }
  }

  [[noreturn]] void lose(const char* how) {
    hangs_ = true;
    throw ResourceError(
        "the ranks' meeting place at {} {}; what is finished is kept: go on with "
        "--resume",
        where_,
        how);
  }

  std::string ask(std::function<std::string(c10d::TCPStore&)> call) {
    Call task(std::move(call));
    std::future<std::string> answer = task.get_future();
    {
      const std::lock_guard lock(calls_->mutex);
      calls_->waiting.push_back(std::move(task));
    }
    calls_->changed.notify_all();
    if (hangs_ ||
        answer.wait_for(std::chrono::duration<double>(patience_)) != std::future_status::ready) {
      lose("does not answer");
    }
    try {
      return answer.get();
    } catch (const std::exception&) {
      lose("is gone");
    }
  }

  std::string where_;
  std::string prefix_;
  double patience_;
  std::shared_ptr<Calls> calls_;
  std::atomic<bool> hangs_ = false;
  std::thread caller_;
};

}  // namespace

std::unique_ptr<KeyStore> meet_by_network(const RankPlace& place, double patience) {
  silence_c10d();
  return std::make_unique<TcpStore>(place, patience);
}

}  // namespace headscope
