#include "cli/http/session_exchange.h"

#include <atomic>
#include <utility>

#include "cli/http/http_session.h"

namespace headscope {
namespace {

class SessionExchange final : public HttpExchange {
 public:
  SessionExchange(ExchangeId id, WithSession with_session, HttpRequest request)
      : id_(id), with_session_(std::move(with_session)), request_(std::move(request)) {}

  ~SessionExchange() override {
    if (!answered_) {
      reply(error_response(HttpError(500, "internal error: the request was dropped")));
    }
  }

  [[nodiscard]] const HttpRequest& request() const override { return request_; }

  void reply(HttpResponse response) override {
    answered_ = true;
    with([response = std::move(response), number = id_.number](HttpSession& session) {
      session.reply(number, response);
    });
  }

  void start_stream(const std::string& content_type) override {
    with([content_type, number = id_.number](HttpSession& session) {
      session.start_stream(number, content_type);
    });
  }

  void send(std::string piece) override {
    with([piece = std::move(piece), number = id_.number](HttpSession& session) {
      session.send(number, piece);
    });
  }

  void end_stream() override {
    answered_ = true;
    with([number = id_.number](HttpSession& session) { session.end_stream(number); });
  }

  void when_gone(std::function<void()> gone) override {
    with_session_(id_.session, [gone = std::move(gone), number = id_.number](HttpSession* session) {
      session == nullptr ? gone() : session->when_gone(number, gone);
    });
  }

 private:
  void with(std::function<void(HttpSession&)> what) {
    with_session_(id_.session, [what = std::move(what)](HttpSession* session) {
      if (session != nullptr) {
        what(*session);
      }
    });
  }

  ExchangeId id_;
  WithSession with_session_;
  HttpRequest request_;
  std::atomic<bool> answered_ = false;
};

}  // namespace

std::shared_ptr<HttpExchange> session_exchange(ExchangeId id,
                                               WithSession with_session,
                                               HttpRequest request) {
  return std::make_shared<SessionExchange>(id, std::move(with_session), std::move(request));
}

}  // namespace headscope
