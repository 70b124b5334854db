// An exchange of a session, for whoever answers it in another thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "cli/http/http_exchange.h"

namespace headscope {

class HttpSession;

// Runs what it is given on the server's thread, with the session or, if that has ended, with null.
using WithSession = std::function<void(std::uint64_t session, std::function<void(HttpSession*)>)>;

struct ExchangeId {
  std::uint64_t session = 0;
  std::uint64_t number = 0;  // of the session's exchanges
};

std::shared_ptr<HttpExchange> session_exchange(ExchangeId id,
                                               WithSession with_session,
                                               HttpRequest request);

}  // namespace headscope
