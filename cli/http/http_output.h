// What a connection still has to send, in order, each piece within a time.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "cli/http/http_deadline.h"

namespace headscope {

using BoostError = boost::system::error_code;

class HttpOutput {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void all_sent() = 0;     // nothing is left; more may follow
    virtual void send_failed() = 0;  // or took longer than `seconds`
  };

  // `socket` is the owner's, which owns this too.
  HttpOutput(boost::asio::ip::tcp::socket& socket, double seconds);

  // Sends it behind what is queued; `owner` lives until it is told.
  void queue(std::string bytes, const std::shared_ptr<Owner>& owner);

  [[nodiscard]] std::size_t unsent_bytes() const { return unsent_bytes_; }

  void stop();  // the owner is told nothing more

 private:
  void write_next(const std::shared_ptr<Owner>& owner);
  void on_written(const BoostError& error, const std::shared_ptr<Owner>& owner);

  boost::asio::ip::tcp::socket& socket_;
  double seconds_;
  HttpDeadline deadline_;
  std::deque<std::string> unsent_;
  std::size_t unsent_bytes_ = 0;
  bool writing_ = false;
  bool stopped_ = false;
};

}  // namespace headscope
