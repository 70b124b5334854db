#include "cli/http/http_server.h"

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "cli/http/http_session.h"
#include "cli/http/session_exchange.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

using boost::asio::ip::tcp;

// Beyond the connections that are served, those that are told so; more are closed without a word.
constexpr std::size_t kToldConnections = 64;

tcp::endpoint endpoint_of(const HttpServerOptions& options) {
  BoostError error;
  const auto address = boost::asio::ip::make_address(options.address, error);
  if (error) {
    throw UsageError("{}: not an address to listen on; give one in numbers, for example 127.0.0.1",
                     options.address);
  }
  if (!is_loopback(options.address) && options.access.token.empty()) {
    throw UsageError(
        "{}: others than this machine can reach that address; give --token FILE, or listen on "
        "127.0.0.1",
        options.address);
  }
  return {address, options.port};
}

}  // namespace

// Sessions and exchanges live on the one thread that runs io_; other threads post to it.
class HttpServer::Impl final : public HttpSessionHost,
                               public std::enable_shared_from_this<HttpServer::Impl> {
 public:
  explicit Impl(HttpServerOptions options)
      : options_(std::move(options)), acceptor_(io_), again_(io_), end_(io_) {
    listen();
  }

  void start() {
    accept_next();
    thread_ = std::thread([this] { io_.run(); });
  }

  void drain(double seconds) {
    boost::asio::post(io_, [this, seconds] { begin_drain(seconds); });
    const std::lock_guard lock(joining_);
    if (thread_.joinable()) {
      thread_.join();
    }
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::size_t open() const { return open_; }

  [[nodiscard]] const HttpServerOptions& options() const override { return options_; }
  [[nodiscard]] bool is_draining() const override { return draining_; }
  [[nodiscard]] std::shared_ptr<HttpExchange> exchange(std::uint64_t session,
                                                       std::uint64_t number,
                                                       HttpRequest request) override;
  void closed(std::uint64_t session) override {
    sessions_.erase(session);
    open_ = sessions_.size();
    stop_if_drained();
  }

  // `what` gets the session, or null if it has ended. Nothing once the server has.
  void with_session(std::uint64_t id, std::function<void(HttpSession*)> what) {
    boost::asio::post(io_, [this, id, what = std::move(what)] {
      const auto found = sessions_.find(id);
      const auto session = found == sessions_.end() ? nullptr : found->second;
      what(session.get());
    });
  }

 private:
  void listen();
  void accept_next();
  void on_accept(const BoostError& error, tcp::socket socket);
  void begin_drain(double seconds);
  void end_all();
  void stop_if_drained() {
    if (draining_ && sessions_.empty()) {
      io_.stop();
    }
  }

  HttpServerOptions options_;
  boost::asio::io_context io_{1};
  tcp::acceptor acceptor_;
  boost::asio::steady_timer again_;
  boost::asio::steady_timer end_;
  std::uint16_t port_ = 0;
  bool draining_ = false;
  std::uint64_t next_session_ = 0;
  std::map<std::uint64_t, std::shared_ptr<HttpSession>> sessions_;
  std::atomic<std::size_t> open_ = 0;
  std::mutex joining_;
  std::thread thread_;
};

std::shared_ptr<HttpExchange> HttpServer::Impl::exchange(std::uint64_t session,
                                                         std::uint64_t number,
                                                         HttpRequest request) {
  // An exchange keeps what it posts to alive; what is posted does not, or neither would ever end.
  return session_exchange(
      {session, number},
      [self = shared_from_this()](std::uint64_t id, std::function<void(HttpSession*)> what) {
        self->with_session(id, std::move(what));
      },
      std::move(request));
}

void HttpServer::Impl::listen() {
  const tcp::endpoint endpoint = endpoint_of(options_);
  try {
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind(endpoint);
    acceptor_.listen();
    port_ = acceptor_.local_endpoint().port();
  } catch (const boost::system::system_error& error) {
    throw ResourceError("{} port {}: {}; choose another with --port",
                        options_.address,
                        options_.port,
                        error.code().message());
  }
}

void HttpServer::Impl::accept_next() {
  acceptor_.async_accept(
      [this](const BoostError& error, tcp::socket socket) { on_accept(error, std::move(socket)); });
}

void HttpServer::Impl::on_accept(const BoostError& error, tcp::socket socket) {
  if (draining_) {
    return;
  }
  if (error) {  // no file descriptor is left, mostly
    again_.expires_after(std::chrono::milliseconds(100));
    again_.async_wait([this](const BoostError& cancelled) {
      if (!cancelled) {
        accept_next();
      }
    });
    return;
  }
  const std::size_t most = options_.limits.connections;
  if (sessions_.size() < most + kToldConnections) {
    BoostError ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const std::uint64_t id = next_session_++;
    const auto session = std::make_shared<HttpSession>(
        std::move(socket),
        *this,
        HttpSession::Start{.id = id, .is_one_too_many = sessions_.size() >= most});
    sessions_[id] = session;
    open_ = sessions_.size();
    session->next_request();
  }
  accept_next();
}

void HttpServer::Impl::begin_drain(double seconds) {
  if (!draining_) {
    draining_ = true;
    BoostError ignored;
    acceptor_.close(ignored);
    again_.cancel();
    const auto sessions = sessions_;
    for (const auto& [id, session] : sessions) {
      session->drain();
    }
  }
  if (seconds <= 0) {
    end_all();
  } else {
    end_.expires_after(std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000)));
    end_.async_wait([this](const BoostError& error) {
      if (!error) {
        end_all();
      }
    });
  }
  stop_if_drained();
}

void HttpServer::Impl::end_all() {
  const auto sessions = sessions_;
  for (const auto& [id, session] : sessions) {
    session->vanish();
  }
  stop_if_drained();
}

HttpServer::HttpServer(HttpServerOptions options)
    : impl_(std::make_shared<Impl>(std::move(options))) {
  impl_->start();
}

HttpServer::~HttpServer() {
  drain(0);
}

std::uint16_t HttpServer::port() const {
  return impl_->port();
}

std::size_t HttpServer::connections() const {
  return impl_->open();
}

void HttpServer::drain(double seconds) {
  impl_->drain(seconds);
}

}  // namespace headscope
