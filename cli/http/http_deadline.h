// A time within which something must have happened.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

#include <boost/asio/steady_timer.hpp>

namespace headscope {

class HttpDeadline {
 public:
  explicit HttpDeadline(const boost::asio::any_io_executor& executor) : timer_(executor) {}

  // Calls `passed` in `seconds`, unless it is armed anew or disarmed before. `passed` keeps whoever
  // owns this alive.
  void arm(double seconds, std::function<void()> passed) {
    timer_.expires_after(std::chrono::duration_cast<std::chrono::steady_clock::duration>(
        std::chrono::duration<double>(seconds)));
    timer_.async_wait([this, number = ++number_, passed = std::move(passed)](const auto& error) {
      if (!error && number == number_) {
        passed();
      }
    });
  }

  void disarm() {
    ++number_;  // one that has passed already, but was not told yet, is not told any more
    timer_.cancel();
  }

 private:
  boost::asio::steady_timer timer_;
  std::uint64_t number_ = 0;
};

}  // namespace headscope
