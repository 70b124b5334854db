// What of a request decides its answer: turns, errors, leave to send, the token.
#include "cli/http/http_server.h"
#include "tests/support/kept_exchanges.h"

using namespace headscope;
using namespace headscope::test;

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
    CHECK(Json::parse(answer.body)["error"]["code"].is_string());
  }
  CHECK_THAT(ask(server.port(), get_request("/echo")).head, contains("Allow: POST"));
  CHECK(ask(server.port(), get_request("/healthz", "Origin: http://LOCALHOST\r\n")).status == 200);
  CHECK(ask(server.port(), "GET /healthz HTTP/1.0\r\nHost: [::1]:7\r\n\r\n").status == 200);
  const std::string type = "Content-Type: Application/JSON; charset=utf-8\r\n";
  CHECK(ask(server.port(), post_request("/echo", "{}", type)).status == 200);
}

TEST_CASE("HEAD is answered as GET is, without the body") {
  Kept kept;
  HttpServer server(options_with(kept));
  RawClient client(server.port());
  client.send("HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string head = client.receive("\r\n\r\n");
  CHECK(head.starts_with("HTTP/1.1 200 OK"));
  CHECK_THAT(head, contains("Content-Length: 4\r\n"));
  // What comes next on the connection is the next answer.
  client.send(start_of_get("/healthz"));
  CHECK(parsed(client.receive("well")).head.starts_with("HTTP/1.1 200 OK"));
  const RawAnswer none = ask(
      server.port(), "HEAD /healthy HTTP/1.1\r\nHost: localhost\r\n\r\n" + get_request("/healthz"));
  CHECK(none.status == 404);
  CHECK(none.body.empty());
  CHECK(ask(server.port(), "HEAD /echo HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 405);
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
