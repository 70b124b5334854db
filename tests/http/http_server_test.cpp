// The server itself: handlers that fail, its end, its address.
#include "cli/http/http_server.h"

#include <atomic>
#include <stdexcept>
#include <thread>

#include "cli/http/http_error.h"
#include "lib/base/error.h"
#include "tests/support/kept_exchanges.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("what a handler throws, or lets go, becomes an answer") {
  HttpServerOptions options;
  const auto route = [&](const std::string& path, void (*act)()) {
    options.routes.push_back(
        {.method = "GET", .path = path, .handle = [act](const ExchangeOf&) { act(); }});
  };
  route("/refused", [] { throw HttpError(429, "later", "busy"); });
  route("/usage", [] { throw UsageError("no such hook"); });
  route("/data", [] { throw DataError("no such prompt"); });
  route("/resource", [] { throw ResourceError("no memory"); });
  route("/bug", [] { throw std::logic_error("oh"); });
  route("/dropped", [] {});
  std::atomic<int> answered = 0;
  options.answered = [&](std::string_view, int status) { answered += status; };
  HttpServer server(options);
  const auto status = [&](const std::string& path) {
    return ask(server.port(), get_request(path)).status;
  };
  CHECK(status("/refused") == 429);
  CHECK(status("/usage") == 400);
  CHECK(status("/data") == 400);
  CHECK(status("/resource") == 503);
  CHECK(status("/bug") == 500);
  CHECK(status("/dropped") == 500);
  CHECK(answered == 429 + 400 + 400 + 503 + 500 + 500);
  const RawAnswer refused = ask(server.port(), get_request("/refused"));
  const Json error = Json::parse(refused.body)["error"];
  CHECK(error["message"] == "later");
  CHECK(error["type"] == "rate_limit_error");
  CHECK(error["code"] == "busy");
}

TEST_CASE("draining finishes what was begun and takes nothing more") {
  Kept kept;
  HttpServer server(options_with(kept));
  RawClient idle(server.port());
  idle.send(start_of_get("/healthz"));
  CHECK_FALSE(idle.receive("well").empty());
  RawClient busy(server.port());
  busy.send(start_of_get("/slow"));
  const ExchangeOf exchange = kept.wait();
  std::thread drain([&] { server.drain(10); });
  CHECK(idle.receive().empty());
  CHECK(idle.closed_by_server());
  CHECK(soon([&] { return !RawClient(server.port()).connected(); }));
  exchange->reply({.body = "done"});
  const RawAnswer answer = parsed(busy.receive());
  CHECK(answer.body == "done");
  CHECK_THAT(answer.head, contains("Connection: close"));
  drain.join();
  CHECK(kept.gone == 0);
}

TEST_CASE("draining ends with its time") {
  Kept kept;
  HttpServer server(options_with(kept));
  RawClient busy(server.port());
  busy.send(start_of_get("/slow"));
  const ExchangeOf exchange = kept.wait();
  server.drain(0.1);
  CHECK(kept.gone == 1);
  CHECK(busy.receive().empty());
  exchange->reply({.body = "nobody hears"});
}

TEST_CASE("an address that cannot be listened on is an error that says what to do") {
  Kept kept;
  HttpServerOptions options = options_with(kept);
  options.address = "0.0.0.0";
  CHECK_THROWS_WITH(HttpServer(options), contains("give --token FILE"));
  options.access.token = "secret";
  CHECK_NOTHROW(HttpServer(options));
  options.address = "localhost";
  CHECK_THROWS_AS(HttpServer(options), UsageError);
  options.address = "127.0.0.1";
  HttpServer server(options);
  options.port = server.port();
  CHECK_THROWS_WITH(HttpServer(options), contains("--port"));
  CHECK(is_loopback("127.0.0.2"));
  CHECK(is_loopback("::1"));
  CHECK_FALSE(is_loopback("128.0.0.1"));
  CHECK_FALSE(is_loopback("::"));
}
