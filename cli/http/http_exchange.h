// One request and what is answered to it, at once or piece by piece.
#pragma once

#include <functional>
#include <string>

#include "cli/http/http_message.h"

namespace headscope {

// All but request() may be called from any thread. An exchange that is let go unanswered is
// answered with status 500. What is answered to a client that has gone is dropped.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;

  [[nodiscard]] virtual const HttpRequest& request() const = 0;

  // The whole answer. Once, and not after start_stream().
  virtual void reply(HttpResponse response) = 0;

  // An answer in pieces: status 200, then each piece as soon as it is sent, then the end.
  virtual void start_stream(const std::string& content_type) = 0;
  virtual void send(std::string piece) = 0;
  virtual void end_stream() = 0;

  // `gone` is called once, by the thread of the server, if the client leaves, or runs out of time,
  // before the answer is whole; at once if it has left already. It must not wait for anything.
  virtual void when_gone(std::function<void()> gone) = 0;
};

}  // namespace headscope
