#include "cli/http/http_session.h"

#include <algorithm>

#include <boost/beast/http/read.hpp>
#include <fmt/format.h>
#include <sys/socket.h>

namespace headscope {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t kPipelinedBytes = 64 << 10;  // read ahead of their turn
constexpr std::size_t kDroppedBytes = 16 << 20;    // of a body that was refused
constexpr double kClosingSeconds = 2;

}  // namespace

HttpSession::HttpSession(boost::asio::ip::tcp::socket socket, HttpSessionHost& host, Start start)
    : socket_(std::move(socket)),
      host_(host),
      id_(start.id),
      is_one_too_many_(start.is_one_too_many),
      deadline_(socket_.get_executor()),
      output_(socket_, host.options().limits.write_seconds) {}

void HttpSession::next_request() {
  if (host_.is_draining()) {
    close();
    return;
  }
  phase_ = Phase::idle;
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(host_.options().limits.header_bytes));
  parser_->body_limit(boost::none);  // the route says
  route_ = nullptr;
  route_path_.clear();
  streaming_ = finished_ = close_after_ = false;
  if (buffer_.size() > 0) {
    read_header();
    return;
  }
  const HttpLimits& limits = host_.options().limits;
  arm(is_one_too_many_ ? std::min(limits.idle_seconds, kClosingSeconds) : limits.idle_seconds);
  socket_.async_wait(socket_.wait_read, [self = shared_from_this()](const BoostError& error) {
    if (error || self->timed_out_ || self->phase_ != Phase::idle) {
      self->close();
    } else {
      self->read_header();
    }
  });
}

void HttpSession::read_header() {
  phase_ = Phase::header;
  arm(host_.options().limits.header_seconds);
  http::async_read_header(socket_,
                          buffer_,
                          *parser_,
                          [self = shared_from_this()](const BoostError& error, std::size_t) {
                            self->on_header(error);
                          });
}

void HttpSession::on_header(const BoostError& error) {
  if (phase_ != Phase::header) {
    return;
  }
  if (!error) {
    accept_request();
    return;
  }
  const auto told = header_error({error, timed_out_}, host_.options().limits);
  told ? refuse(*told) : close();
}

// Everything that can be said of a request before its body is here.
void HttpSession::accept_request() {
  try {
    route_ = &route_of(*parser_, host_.options(), why_unavailable());
    route_path_ = route_->path;
    check_length(*parser_, *route_);
    parser_->body_limit(route_->most_body);
    if (waits_for_continue(*parser_)) {
      queue("HTTP/1.1 100 Continue\r\n\r\n");
    }
  } catch (const HttpError& error) {
    refuse(error);
    return;
  }
  read_body();
}

std::optional<HttpError> HttpSession::why_unavailable() const {
  if (is_one_too_many_) {
    return HttpError(503, "too many connections", "overloaded");
  }
  if (host_.is_draining()) {
    return HttpError(503, "the server is shutting down", "shutting_down");
  }
  return std::nullopt;
}

void HttpSession::read_body() {
  if (parser_->is_done()) {
    dispatch();
    return;
  }
  phase_ = Phase::body;
  arm(host_.options().limits.body_seconds);
  http::async_read(
      socket_,
      buffer_,
      *parser_,
      [self = shared_from_this()](const BoostError& error, std::size_t) { self->on_body(error); });
}

void HttpSession::on_body(const BoostError& error) {
  if (phase_ != Phase::body) {
    return;
  }
  if (!error) {
    dispatch();
    return;
  }
  const auto told = body_error({error, timed_out_}, host_.options().limits, *route_);
  told ? refuse(*told) : close();
}

void HttpSession::dispatch() {
  phase_ = Phase::answering;
  ++number_;
  auto& message = parser_->get();
  close_after_ = close_after_ || !message.keep_alive() || host_.is_draining();
  coding_ = message.version() >= 11 ? StreamCoding::chunked : StreamCoding::plain;
  const std::string target(message.target());
  const std::size_t end = target.find('?');
  HttpRequest request{.method = std::string(message.method_string()),
                      .path = target.substr(0, end),
                      .query = end == std::string::npos ? "" : target.substr(end + 1),
                      .content_type = media_type(message[http::field::content_type]),
                      .body = std::move(message.body())};
  arm(host_.options().limits.answer_seconds);
  watch_client();
  const std::uint64_t number = number_;
  const auto exchange = host_.exchange(id_, number, std::move(request));
  try {
    route_->handle(exchange);
  } catch (...) {
    reply(number, response_to(std::current_exception()));
    exchange->reply({});  // has been answered: what comes late is dropped
  }
}

// While an answer is being made nothing is read, so that only this tells that the client has left.
void HttpSession::watch_client() {
  socket_.async_wait(socket_.wait_read,
                     [self = shared_from_this(), number = number_](const BoostError& error) {
                       if (!error && number == self->number_ && self->phase_ == Phase::answering) {
                         self->look_at_client();
                       }
                     });
}

void HttpSession::look_at_client() {
  char byte = 0;
  const ssize_t got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got == 0) {
    on_end_of_client();
  } else if (got < 0) {
    errno == EAGAIN || errno == EINTR ? watch_client() : vanish();
  } else if (buffer_.size() < kPipelinedBytes) {  // its next request, or a part of it
    BoostError error;
    const std::size_t read = socket_.read_some(buffer_.prepare(4096), error);
    buffer_.commit(read);
    error ? vanish() : watch_client();
  }
}

// The client has closed its side. Nobody can tell one who still reads from one who has gone; as
// most servers do we stop working, but leave word for the first kind.
void HttpSession::on_end_of_client() {
  if (finished_) {
    close_after_ = true;  // it gets what it was sent
  } else if (streaming_) {
    vanish();
  } else {
    tell_gone();
    refuse(HttpError(400,
                     "the client closed its side of the connection before the answer: keep it open "
                     "until then"));
  }
}

void HttpSession::drain() {
  if (phase_ == Phase::idle) {
    close();
  } else {
    close_after_ = true;
  }
}

void HttpSession::vanish() {
  const auto self = shared_from_this();
  close();
  tell_gone();
}

// Closing a socket with unread bytes makes the kernel send a reset, which may take the answer away
// before the client has read it.
void HttpSession::close_slowly() {
  phase_ = Phase::closing;
  BoostError ignored;
  socket_.shutdown(socket_.shutdown_send, ignored);
  socket_.cancel(ignored);
  buffer_.clear();
  arm(kClosingSeconds);
  drop_input();
}

void HttpSession::drop_input() {
  socket_.async_read_some(
      buffer_.prepare(64 << 10),
      [self = shared_from_this()](const BoostError& error, std::size_t read) {
        self->dropped_bytes_ += read;
        if (self->phase_ != Phase::closing || error || self->dropped_bytes_ > kDroppedBytes) {
          self->close();
        } else {
          self->drop_input();
        }
      });
}

void HttpSession::close() {
  if (phase_ == Phase::closed) {
    return;
  }
  phase_ = Phase::closed;
  ++number_;
  disarm();
  output_.stop();
  BoostError ignored;
  socket_.close(ignored);
  host_.closed(id_);
}

void HttpSession::arm(double seconds) {
  timed_out_ = false;
  deadline_.arm(seconds, [self = shared_from_this()] { self->on_deadline(); });
}

void HttpSession::disarm() {
  timed_out_ = false;
  deadline_.disarm();
}

void HttpSession::on_deadline() {
  if (phase_ == Phase::closing || streaming_) {
    vanish();
  } else if (phase_ == Phase::answering) {
    tell_gone();
    refuse(HttpError(408,
                     fmt::format("the answer took longer than {} s: ask for less",
                                 host_.options().limits.answer_seconds)));
  } else {
    timed_out_ = true;  // what reads is told by the error that it now gets
    socket_.cancel();
  }
}

}  // namespace headscope
