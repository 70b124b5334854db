// The server over real sockets, with clients that behave and clients that do not.
#include "cli/http/http_server.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "cli/http/http_error.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "tests/support/catch.h"
#include "tests/support/raw_client.h"

using namespace headscope;
using namespace headscope::test;

namespace {

using ExchangeOf = std::shared_ptr<HttpExchange>;

// Exchanges that no one answers until the test does.
struct Kept {
  std::mutex mutex;
  std::vector<ExchangeOf> exchanges;
  std::atomic<int> gone = 0;

  ExchangeOf wait() {
    for (int i = 0; i < 1000; ++i) {
      {
        const std::lock_guard lock(mutex);
        if (!exchanges.empty()) {
          const ExchangeOf first = exchanges.front();
          exchanges.erase(exchanges.begin());
          return first;
        }
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    FAIL("no request came");
    return nullptr;
  }
};

bool soon(const std::function<bool()>& what) {
  for (int i = 0; i < 600 && !what(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return what();
}

HttpServerOptions options_with(Kept& kept) {
  HttpServerOptions options;
  HttpRoute open{.method = "GET", .path = "/healthz", .handle = [](const ExchangeOf& exchange) {
                   exchange->reply({.content_type = "text/plain", .body = "well"});
                 }};
  open.access = HttpRoute::Access::everyone;
  options.routes = {
      open,
      {.method = "POST",
       .path = "/echo",
       .handle =
           [](const ExchangeOf& exchange) {
             exchange->reply({.content_type = "text/plain",
                              .body = exchange->request().query + "|" + exchange->request().body});
           },
       .most_body = 100,
       .content_types = {"application/json"}},
      {.method = "GET", .path = "/slow", .handle = [&kept](const ExchangeOf& exchange) {
         exchange->when_gone([&kept] { ++kept.gone; });
         const std::lock_guard lock(kept.mutex);
         kept.exchanges.push_back(exchange);
       }}};
  return options;
}

std::string message_of(const RawAnswer& answer) {
  return Json::parse(answer.body)["error"]["message"].get<std::string>();
}

std::string start_of_get(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

}  // namespace

TEST_CASE("requests of one connection are answered in turn, pipelined or not") {
  Kept kept;
  HttpServer server(options_with(kept));
  RawClient client(server.port());
  client.send(start_of_get("/healthz"));
  const RawAnswer first = parsed(client.receive("well"));
  CHECK(first.status == 200);
  CHECK_THAT(first.head, contains("Connection: keep-alive"));
  CHECK_THAT(first.head, contains("X-Content-Type-Options: nosniff"));
  client.send(start_of_get("/healthz") + post_request("/echo?a=b", "{}"));
  const std::string both = client.receive();
  CHECK_THAT(both, contains("well"));
  CHECK(both.ends_with("a=b|{}"));
  CHECK(client.closed_by_server());
  const RawAnswer old = ask(server.port(), "GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n");
  CHECK(old.body == "well");
}

TEST_CASE("a request that cannot be answered gets its status and a clear word") {
  struct Case {
    std::string request;
    int status;
    std::string word;
  };
  const std::string json = "Content-Type: application/json\r\n";
  const std::vector<Case> cases{
      {"nonsense\r\n\r\n", 400, "malformed HTTP request"},
      {"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "one Host header"},
      {get_request("/healthz", "Host: localhost\r\n"), 400, "one Host header"},
      {"GET /healthz HTTP/1.1\r\nHost: evil.example:80\r\n\r\n", 403, "evil.example"},
      {get_request("/healthz", "Origin: http://evil.example\r\n"), 403, "evil.example"},
      {get_request("/healthz", "Origin: null\r\n"), 403, "may not ask"},
      {get_request("/healthy"), 404, "did you mean /healthz"},
      {get_request("/echo"), 405, "use POST"},
      {post_request("/echo", "{}", ""), 415, "application/json"},
      {post_request("/echo", "{}", "Content-Type: text/plain\r\n"), 415, "application/json"},
      {post_request("/echo", std::string(101, 'x')), 413, "101 bytes"},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\n" + json +
           "Transfer-Encoding: chunked\r\n\r\n80\r\n" + std::string(128, 'x') + "\r\n0\r\n\r\n",
       413,
       "longer than the 100"},
      {post_request("/echo", "{}", json + "Expect: gold\r\n"), 417, "gold"},
      {get_request("/healthz", "X: " + std::string(20000, 'x') + "\r\n"), 431, "16384"},
  };
  Kept kept;
  HttpServer server(options_with(kept));
  for (const Case& each : cases) {
    CAPTURE(each.request.substr(0, 200));
    const RawAnswer answer = ask(server.port(), each.request);
    CHECK(answer.status == each.status);
    CHECK_THAT(message_of(answer), contains(each.word));
  }
  CHECK_THAT(ask(server.port(), get_request("/echo")).head, contains("Allow: POST"));
  CHECK(ask(server.port(), get_request("/healthz", "Origin: http://LOCALHOST\r\n")).status == 200);
  CHECK(ask(server.port(), "GET /healthz HTTP/1.0\r\nHost: [::1]:7\r\n\r\n").status == 200);
  const std::string type = "Content-Type: Application/JSON; charset=utf-8\r\n";
  CHECK(ask(server.port(), post_request("/echo", "{}", type)).status == 200);
}

TEST_CASE("a client that waits for leave to send its body gets it") {
  Kept kept;
  HttpServer server(options_with(kept));
  RawClient client(server.port());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Expect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n");
  CHECK(client.receive("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("[12]");
  CHECK(parsed(client.receive()).body == "|[12]");
}

TEST_CASE("with a token, only who knows it learns anything") {
  Kept kept;
  HttpServerOptions options = options_with(kept);
  options.access.token = "open sesame";
  HttpServer server(options);
  const auto status = [&](const std::string& path, const std::string& header) {
    return ask(server.port(), get_request(path, header)).status;
  };
  CHECK(status("/healthz", "") == 200);
  CHECK(status("/slow", "") == 401);
  CHECK(status("/nothing", "") == 401);
  CHECK(status("/nothing", "Authorization: Bearer open sesam\r\n") == 401);
  CHECK(status("/nothing", "Authorization: Bearer open sesamE\r\n") == 401);
  CHECK(status("/nothing", "Authorization: Bearer open sesame!\r\n") == 401);
  CHECK(status("/nothing", "Authorization: Basic open sesame\r\n") == 401);
  CHECK(status("/nothing", "Authorization: Bearer open sesame\r\n") == 404);
  CHECK(same_secret("", ""));
  CHECK_FALSE(same_secret("a", ""));
  CHECK_FALSE(same_secret("", "a"));
  CHECK_FALSE(same_secret("abab", "ab"));
}

TEST_CASE("time that runs out is told, and an idle connection closes without a word") {
  Kept kept;
  HttpServerOptions options = options_with(kept);
  options.limits.header_seconds = options.limits.body_seconds = options.limits.answer_seconds =
      options.limits.idle_seconds = 0.2;
  HttpServer server(options);
  CHECK(ask(server.port(), "").head.empty());
  const RawAnswer headers = ask(server.port(), "GET /healthz HTTP/1.1\r\nHost: local");
  CHECK(headers.status == 408);
  CHECK_THAT(message_of(headers), contains("headers of the request took longer than 0.2 s"));
  std::string request = post_request("/echo", "{}");
  request.pop_back();
  const RawAnswer body = ask(server.port(), request);
  CHECK(body.status == 408);
  CHECK_THAT(message_of(body), contains("body"));
  const RawAnswer answer = ask(server.port(), get_request("/slow"));
  CHECK(answer.status == 408);
  CHECK_THAT(message_of(answer), contains("answer"));
  CHECK(kept.gone == 1);
  CHECK(ask(server.port(), get_request("/healthz")).status == 200);
}

TEST_CASE("a client that dribbles its headers does not hold the server longer") {
  Kept kept;
  HttpServerOptions options = options_with(kept);
  options.limits.header_seconds = 0.3;
  HttpServer server(options);
  RawClient client(server.port());
  const auto start = std::chrono::steady_clock::now();
  client.send("GET /healthz HTTP/1.1\r\n");
  while (client.receive("\r\n\r\n", 0.05).empty() &&
         std::chrono::steady_clock::now() - start < std::chrono::seconds(5)) {
    client.send("A: b\r\n");
  }
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(2));
}

TEST_CASE("half-closed clients are told, and do not hold what works for them") {
  Kept kept;
  HttpServer server(options_with(kept));
  RawClient in_body(server.port());
  std::string request = post_request("/echo", "{}");
  request.pop_back();
  in_body.send(request);
  in_body.close_writing();
  const RawAnswer body = parsed(in_body.receive());
  CHECK(body.status == 400);
  CHECK_THAT(message_of(body), contains("before its body was whole"));

  RawClient in_head(server.port());
  in_head.send("GET /healthz HT");
  in_head.close_writing();
  CHECK(parsed(in_head.receive()).status == 400);

  RawClient waiting(server.port());
  waiting.send(get_request("/slow"));
  const ExchangeOf exchange = kept.wait();
  waiting.close_writing();
  const RawAnswer answer = parsed(waiting.receive());
  CHECK(answer.status == 400);
  CHECK_THAT(message_of(answer), contains("closed its side"));
  CHECK(kept.gone == 1);
  exchange->reply({.body = "too late"});  // is dropped
  CHECK(soon([&] { return server.connections() == 0; }));
}

TEST_CASE("what works for a client that left is told at once") {
  Kept kept;
  HttpServer server(options_with(kept));
  RawClient client(server.port());
  client.send(start_of_get("/slow") + "GET /hea");  // a part of the next request does not hide it
  const ExchangeOf exchange = kept.wait();
  CHECK(kept.gone == 0);
  client.leave();
  CHECK(soon([&] { return kept.gone == 1; }));
  CHECK(soon([&] { return server.connections() == 0; }));
  exchange->send("dropped");
  bool late = false;
  std::atomic<bool> told = false;
  exchange->when_gone([&] {
    late = true;
    told = true;
  });
  CHECK(soon([&] { return told.load(); }));
  CHECK(late);
}

TEST_CASE("an answer in pieces comes piece by piece") {
  Kept kept;
  HttpServer server(options_with(kept));
  RawClient client(server.port());
  client.send(start_of_get("/slow"));
  const ExchangeOf exchange = kept.wait();
  exchange->start_stream("text/event-stream");
  exchange->send("data: 1\n\n");
  const std::string first = client.receive("1\n\n\r\n");
  CHECK_THAT(first, contains("Transfer-Encoding: chunked"));
  CHECK_THAT(first, contains("\r\n\r\n9\r\ndata: 1\n\n\r\n"));
  exchange->send("second");
  exchange->end_stream();
  CHECK(client.receive("0\r\n\r\n") == "6\r\nsecond\r\n0\r\n\r\n");
  client.send(get_request("/healthz"));
  CHECK(parsed(client.receive()).body == "well");

  RawClient old(server.port());
  old.send("GET /slow HTTP/1.0\r\nHost: localhost\r\n\r\n");
  const ExchangeOf plain = kept.wait();
  plain->start_stream("text/event-stream");
  plain->send("data: 1\n\n");
  plain->end_stream();
  CHECK(parsed(old.receive()).body == "data: 1\n\n");
}

TEST_CASE("a client that does not read what it is sent goes") {
  Kept kept;
  HttpServerOptions options = options_with(kept);
  options.limits.unsent_bytes = 1 << 20;
  HttpServer server(options);
  RawClient client(server.port());
  client.send(start_of_get("/slow"));
  const ExchangeOf exchange = kept.wait();
  exchange->start_stream("text/event-stream");
  for (int i = 0; i < 400 && kept.gone == 0; ++i) {
    exchange->send(std::string(100'000, 'x'));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  CHECK(kept.gone == 1);
}

TEST_CASE("a connection too many is told so, and the others live") {
  Kept kept;
  HttpServerOptions options = options_with(kept);
  options.limits.connections = 2;
  HttpServer server(options);
  RawClient first(server.port());
  RawClient second(server.port());
  first.send(start_of_get("/healthz"));
  second.send(start_of_get("/healthz"));
  CHECK(parsed(first.receive("well")).status == 200);
  CHECK(parsed(second.receive("well")).status == 200);
  const RawAnswer third = ask(server.port(), start_of_get("/healthz"));
  CHECK(third.status == 503);
  CHECK_THAT(third.head, contains("Retry-After"));
  first.send(get_request("/healthz"));
  CHECK(parsed(first.receive()).status == 200);
  CHECK(soon([&] { return server.connections() == 1; }));
  CHECK(ask(server.port(), get_request("/healthz")).status == 200);
}

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
