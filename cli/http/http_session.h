// One connection of an HttpServer: its requests one after the other. Only http_server.cpp includes
// this: it brings Boost.Beast.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include "cli/http/http_bytes.h"
#include "cli/http/http_output.h"
#include "cli/http/http_reading.h"

namespace headscope {

// What a session asks of its server, on the server's thread.
class HttpSessionHost {
 public:
  virtual ~HttpSessionHost() = default;
  [[nodiscard]] virtual const HttpServerOptions& options() const = 0;
  [[nodiscard]] virtual bool is_draining() const = 0;
  [[nodiscard]] virtual std::shared_ptr<HttpExchange> exchange(std::uint64_t session,
                                                               std::uint64_t number,
                                                               HttpRequest request) = 0;
  virtual void closed(std::uint64_t session) = 0;
};

class HttpSession final : public HttpOutput::Owner,
                          public std::enable_shared_from_this<HttpSession> {
 public:
  // A session of too many (`is_one_too_many`) answers its first request with 503.
  struct Start {
    std::uint64_t id = 0;
    bool is_one_too_many = false;
  };
  HttpSession(boost::asio::ip::tcp::socket socket, HttpSessionHost& host, Start start);

  void next_request();
  void drain();   // ends behind the request that is being answered, at once if there is none
  void vanish();  // ends now

  // What an exchange does; nothing if the session is not at exchange `number` any more.
  void reply(std::uint64_t number, const HttpResponse& response);
  void start_stream(std::uint64_t number, const std::string& content_type);
  void send(std::uint64_t number, const std::string& piece);
  void end_stream(std::uint64_t number);
  void when_gone(std::uint64_t number, std::function<void()> gone);

 private:
  // closing: what the client still sends is read and dropped, so that it gets to read our answer.
  enum class Phase { idle, header, body, answering, closing, closed };

  void read_header();
  void on_header(const BoostError& error);
  void accept_request();
  std::optional<HttpError> why_unavailable() const;
  void read_body();
  void on_body(const BoostError& error);
  void dispatch();

  void watch_client();
  void look_at_client();
  void on_end_of_client();

  void refuse(const HttpError& error);
  void queue_response(const HttpResponse& response);
  void queue(std::string bytes);
  void all_sent() override;
  void send_failed() override { vanish(); }
  void finish_answer();
  void tell_gone();
  void close_slowly();
  void drop_input();
  void close();
  [[nodiscard]] KeepAlive keep_alive() const {
    return close_after_ ? KeepAlive::no : KeepAlive::yes;
  }

  void arm(double seconds);
  void disarm();
  void on_deadline();
  void count_answer(int status);

  boost::asio::ip::tcp::socket socket_;
  HttpSessionHost& host_;
  std::uint64_t id_;
  bool is_one_too_many_;
  HttpDeadline deadline_;
  bool timed_out_ = false;
  HttpOutput output_;

  boost::beast::flat_buffer buffer_{128 << 10};
  std::optional<HttpParser> parser_;
  const HttpRoute* route_ = nullptr;
  std::string route_path_;

  Phase phase_ = Phase::idle;
  std::uint64_t number_ = 0;  // of the exchange that is being answered
  std::vector<std::function<void()>> gone_;
  bool streaming_ = false;
  StreamCoding coding_ = StreamCoding::chunked;  // as the request's version allows
  bool finished_ = false;                        // all of the answer is in output_
  bool close_after_ = false;
  std::size_t dropped_bytes_ = 0;
};

}  // namespace headscope
