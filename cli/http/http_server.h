// An HTTP/1.1 server in a thread of its own: every size, number and time has a limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/http/http_access.h"
#include "cli/http/http_routes.h"

namespace headscope {

struct HttpLimits {
  std::size_t connections = 256;        // at a time; one more is answered with 503
  std::size_t header_bytes = 16 << 10;  // of a request's first line and headers, else 431
  std::size_t unsent_bytes = 4 << 20;   // kept for a client that reads too slowly, then it goes
  double header_seconds = 10;           // from a request's first byte to the end of its headers
  double body_seconds = 30;             // … to the end of its body, else 408
  double answer_seconds = 600;          // … from there to the end of the answer, else 408
  double write_seconds = 30;            // for a client to take what it was sent
  double idle_seconds = 60;             // between the requests of a connection
};

struct HttpServerOptions {
  std::string address = "127.0.0.1";  // as numbers
  std::uint16_t port = 0;             // 0: any that is free
  AccessRules access{};
  HttpLimits limits{};
  std::vector<HttpRoute> routes{};
  // Told of every answer, on the server's thread; `route` is its path, "" if it was of none.
  std::function<void(std::string_view route, int status)> answered{};
};

class HttpServer {
 public:
  // Listens from here on. Throws UsageError for an address that is none, or that others than this
  // machine can reach without a token; ResourceError for one that is taken.
  explicit HttpServer(HttpServerOptions options);
  // As drain(0).
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::size_t connections() const;  // that are open

  // Takes no connection and no request any more; what is being answered may finish within
  // `seconds`. Returns when all are closed. May be called again.
  void drain(double seconds);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace headscope
