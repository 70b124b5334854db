// Clients that are slow, leave early, do not read, or are too many.
#include <atomic>
#include <chrono>
#include <thread>

#include "cli/http/http_server.h"
#include "tests/support/kept_exchanges.h"

using namespace headscope;
using namespace headscope::test;

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
