// Routes of a small HTTP server for tests, one of which nobody answers until the test does.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cli/http/http_server.h"
#include "lib/base/json.h"
#include "tests/support/catch.h"
#include "tests/support/raw_client.h"

namespace headscope::test {

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

inline bool soon(const std::function<bool()>& what) {
  for (int i = 0; i < 600 && !what(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return what();
}

inline HttpServerOptions options_with(Kept& kept) {
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

inline std::string message_of(const RawAnswer& answer) {
  return Json::parse(answer.body)["error"]["message"].get<std::string>();
}

inline std::string start_of_get(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

}  // namespace headscope::test
