#include "cli/http/http_output.h"

#include <boost/asio/write.hpp>

namespace headscope {

HttpOutput::HttpOutput(boost::asio::ip::tcp::socket& socket, double seconds)
    : socket_(socket), seconds_(seconds), deadline_(socket.get_executor()) {}

void HttpOutput::queue(std::string bytes, const std::shared_ptr<Owner>& owner) {
  unsent_bytes_ += bytes.size();
  unsent_.push_back(std::move(bytes));
  write_next(owner);
}

void HttpOutput::write_next(const std::shared_ptr<Owner>& owner) {
  if (writing_ || unsent_.empty()) {
    return;
  }
  writing_ = true;
  deadline_.arm(seconds_, [owner] { owner->send_failed(); });
  boost::asio::async_write(
      socket_,
      boost::asio::buffer(unsent_.front()),
      [this, owner](const BoostError& error, std::size_t) { on_written(error, owner); });
}

void HttpOutput::on_written(const BoostError& error, const std::shared_ptr<Owner>& owner) {
  deadline_.disarm();
  writing_ = false;
  if (stopped_) {
    return;
  }
  if (error) {
    owner->send_failed();
    return;
  }
  unsent_bytes_ -= unsent_.front().size();
  unsent_.pop_front();
  if (unsent_.empty()) {
    owner->all_sent();
  } else {
    write_next(owner);
  }
}

void HttpOutput::stop() {
  stopped_ = true;
  deadline_.disarm();
}

}  // namespace headscope
