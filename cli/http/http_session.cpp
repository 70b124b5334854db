#include "cli/http/http_session.h"

#include <algorithm>
#include <chrono>

#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <fmt/format.h>
#include <sys/socket.h>

namespace headscope {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t kPipelinedBytes = 64 << 10;  // read ahead of their turn
constexpr std::size_t kDroppedBytes = 16 << 20;    // of a body that was refused
constexpr double kClosingSeconds = 2;

std::chrono::steady_clock::duration duration_of(double seconds) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(seconds));
}

std::vector<std::string> values_of(const http::fields& fields, http::field name) {
  std::vector<std::string> values;
  const auto range = fields.equal_range(name);
  for (auto each = range.first; each != range.second; ++each) {
    values.emplace_back(each->value());
  }
  return values;
}

bool ends_early(const BoostError& error) {
  return error == http::error::partial_message || error == http::error::end_of_stream;
}

// What every answer says beside its own headers. No other site may frame, embed or read it.
std::string head_of(int status, const std::string& content_type, bool keep_alive) {
  return fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nConnection: {}\r\nCache-Control: no-store\r\n"
      "X-Content-Type-Options: nosniff\r\nCross-Origin-Resource-Policy: same-origin\r\n",
      status,
      reason_phrase(status),
      content_type,
      keep_alive ? "keep-alive" : "close");
}

}  // namespace

HttpSession::HttpSession(boost::asio::ip::tcp::socket socket, HttpSessionHost& host, Start start)
    : socket_(std::move(socket)),
      host_(host),
      id_(start.id),
      is_one_too_many_(start.is_one_too_many),
      deadline_(socket_.get_executor()),
      write_deadline_(socket_.get_executor()) {}

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
  } else if (timed_out_) {
    refuse(HttpError(408,
                     fmt::format("the headers of the request took longer than {} s",
                                 host_.options().limits.header_seconds)));
  } else if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    refuse(HttpError(431,
                     fmt::format("the headers of the request are longer than {} bytes",
                                 host_.options().limits.header_bytes)));
  } else if (error == http::error::partial_message) {
    refuse(HttpError(400, "the request ended before its headers were whole"));
  } else if (error.category() == make_error_code(http::error::bad_value).category() &&
             error != http::error::end_of_stream) {
    refuse(HttpError(400, "malformed HTTP request: " + error.message()));
  } else {
    close();
  }
}

// Everything that can be said of a request before its body is here.
void HttpSession::accept_request() {
  try {
    const std::string target(parser_->get().target());
    route_path_.clear();
    route_ = &checked_route();
    route_path_ = route_->path;
    const auto length = parser_->content_length();
    if (length && *length > route_->most_body) {
      throw HttpError(413,
                      fmt::format("a body of {} bytes is more than the {} that {} takes",
                                  *length,
                                  route_->most_body,
                                  route_->path));
    }
    parser_->body_limit(route_->most_body);
    const std::vector<std::string> expected = values_of(parser_->get(), http::field::expect);
    if (!expected.empty()) {
      if (expected.front() != "100-continue") {
        throw HttpError(417, "no such expectation: " + expected.front());
      }
      queue("HTTP/1.1 100 Continue\r\n\r\n");
    }
  } catch (const HttpError& error) {
    refuse(error);
    return;
  }
  read_body();
}

const HttpRoute& HttpSession::checked_route() const {
  const auto& request = parser_->get();
  const AccessRules& access = host_.options().access;
  const AccessHeaders headers{.hosts = values_of(request, http::field::host),
                              .origins = values_of(request, http::field::origin),
                              .authorizations = values_of(request, http::field::authorization)};
  check_origin(access, headers);
  const std::string target(request.target());
  const std::string path = target.substr(0, target.find('?'));
  const std::string method(request.method_string());
  const HttpRoute* route = nullptr;
  std::exception_ptr missing;
  try {
    route = &find_route(host_.options().routes, method, path);
  } catch (const HttpError&) {
    missing = std::current_exception();
  }
  if (route == nullptr || route->access == HttpRoute::Access::token) {
    check_token(access, headers);  // before we say what there is
  }
  if (missing) {
    std::rethrow_exception(missing);
  }
  if (is_one_too_many_) {
    throw HttpError(503, "too many connections", "overloaded");
  }
  if (host_.is_draining()) {
    throw HttpError(503, "the server is shutting down", "shutting_down");
  }
  const std::vector<std::string> types = values_of(request, http::field::content_type);
  check_content_type(*route, types.size() == 1 ? types.front() : "");
  return *route;
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
  } else if (timed_out_) {
    refuse(HttpError(408,
                     fmt::format("the body of the request took longer than {} s",
                                 host_.options().limits.body_seconds)));
  } else if (error == http::error::body_limit) {
    refuse(HttpError(
        413, fmt::format("the body is longer than the {} bytes allowed", route_->most_body)));
  } else if (ends_early(error)) {
    refuse(HttpError(400, "the request ended before its body was whole"));
  } else if (error.category() == make_error_code(http::error::bad_value).category()) {
    refuse(HttpError(400, "malformed HTTP request: " + error.message()));
  } else {
    close();
  }
}

void HttpSession::dispatch() {
  phase_ = Phase::answering;
  ++number_;
  auto& message = parser_->get();
  close_after_ = close_after_ || !message.keep_alive() || host_.is_draining();
  chunked_ = message.version() >= 11;
  const std::string target(message.target());
  const std::size_t end = target.find('?');
  HttpRequest request{.method = std::string(message.method_string()),
                      .path = target.substr(0, end),
                      .query = end == std::string::npos ? "" : target.substr(end + 1),
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

void HttpSession::refuse(const HttpError& error) {
  phase_ = Phase::answering;
  ++number_;
  close_after_ = true;
  HttpResponse response = error_response(error);
  if (error.status() == 405) {
    const std::string target(parser_->get().target());
    response.headers.emplace_back(
        "Allow", allowed_methods(host_.options().routes, target.substr(0, target.find('?'))));
  }
  queue_response(response);
}

void HttpSession::queue_response(const HttpResponse& response) {
  count_answer(response.status);
  std::string bytes = head_of(response.status, response.content_type, !close_after_);
  for (const auto& [name, value] : response.headers) {
    bytes += fmt::format("{}: {}\r\n", name, value);
  }
  bytes += fmt::format("Content-Length: {}\r\n\r\n", response.body.size());
  bytes += response.body;
  finished_ = true;
  disarm();
  queue(std::move(bytes));
}

void HttpSession::reply(std::uint64_t number, const HttpResponse& response) {
  if (number == number_ && phase_ == Phase::answering && !finished_ && !streaming_) {
    queue_response(response);
  }
}

void HttpSession::start_stream(std::uint64_t number, const std::string& content_type) {
  if (number != number_ || phase_ != Phase::answering || finished_ || streaming_) {
    return;
  }
  streaming_ = true;
  close_after_ = close_after_ || !chunked_;
  count_answer(200);
  std::string head = head_of(200, content_type, !close_after_);
  head += chunked_ ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n";
  queue(std::move(head));
}

void HttpSession::send(std::uint64_t number, const std::string& piece) {
  if (number != number_ || !streaming_ || finished_ || piece.empty()) {
    return;
  }
  queue(chunked_ ? fmt::format("{:x}\r\n{}\r\n", piece.size(), piece) : piece);
  if (unsent_bytes_ > host_.options().limits.unsent_bytes) {
    vanish();
  }
}

void HttpSession::end_stream(std::uint64_t number) {
  if (number != number_ || !streaming_ || finished_) {
    return;
  }
  finished_ = true;
  disarm();
  queue(chunked_ ? "0\r\n\r\n" : "");
}

void HttpSession::when_gone(std::uint64_t number, std::function<void()> gone) {
  if (number == number_ && phase_ == Phase::answering && !finished_) {
    gone_.push_back(std::move(gone));
  } else {
    gone();
  }
}

void HttpSession::queue(std::string bytes) {
  unsent_bytes_ += bytes.size();
  unsent_.push_back(std::move(bytes));
  write_next();
}

void HttpSession::write_next() {
  if (writing_ || unsent_.empty()) {
    return;
  }
  writing_ = true;
  write_deadline_.expires_after(duration_of(host_.options().limits.write_seconds));
  write_deadline_.async_wait([self = shared_from_this()](const BoostError& error) {
    if (!error) {
      self->vanish();
    }
  });
  boost::asio::async_write(socket_,
                           boost::asio::buffer(unsent_.front()),
                           [self = shared_from_this()](const BoostError& error, std::size_t) {
                             self->on_written(error);
                           });
}

void HttpSession::on_written(const BoostError& error) {
  write_deadline_.cancel();
  writing_ = false;
  if (phase_ == Phase::closed) {
    return;
  }
  if (error) {
    vanish();
    return;
  }
  unsent_bytes_ -= unsent_.front().size();
  unsent_.pop_front();
  if (!unsent_.empty()) {
    write_next();
  } else if (finished_ && phase_ == Phase::answering) {
    finish_answer();
  }
}

void HttpSession::finish_answer() {
  gone_.clear();
  ++number_;
  if (close_after_ || is_one_too_many_ || host_.is_draining()) {
    parser_->is_done() && buffer_.size() == 0 ? close() : close_slowly();
    return;
  }
  socket_.cancel();  // the watch on the client
  next_request();
}

void HttpSession::tell_gone() {
  const std::vector<std::function<void()>> told = std::move(gone_);
  gone_.clear();
  for (const auto& gone : told) {
    gone();
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
  write_deadline_.cancel();
  BoostError ignored;
  socket_.close(ignored);
  host_.closed(id_);
}

void HttpSession::arm(double seconds) {
  timed_out_ = false;
  deadline_.expires_after(duration_of(seconds));
  deadline_.async_wait(
      [self = shared_from_this(), number = ++deadline_number_](const BoostError& error) {
        if (!error && number == self->deadline_number_) {
          self->on_deadline();
        }
      });
}

void HttpSession::disarm() {
  ++deadline_number_;
  timed_out_ = false;
  deadline_.cancel();
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

void HttpSession::count_answer(int status) {
  if (host_.options().answered) {
    host_.options().answered(route_path_, status);
  }
}

}  // namespace headscope
