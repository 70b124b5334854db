// Which requests a server answers.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/http/http_exchange.h"

namespace headscope {

struct HttpRoute {
  std::string method;
  std::string path;
  // Answers, now or later. Runs on the server's thread, so it must not wait. What it throws becomes
  // an answer: HttpError as it says, UsageError and DataError 400, ResourceError 503, else 500.
  std::function<void(const std::shared_ptr<HttpExchange>&)> handle;
  enum class Access { token, everyone } access = Access::token;
  std::size_t most_body = 0;                 // bytes; larger ones get 413
  std::vector<std::string> content_types{};  // of a body, without parameters; others get 415
};

// Throws HttpError 404 with the nearest paths, or 405 with the methods the path has.
const HttpRoute& find_route(const std::vector<HttpRoute>& routes,
                            const std::string& method,
                            const std::string& path);

// The methods of a path, for the header Allow: "GET, POST".
std::string allowed_methods(const std::vector<HttpRoute>& routes, const std::string& path);

// "Application/JSON; charset=utf-8" → "application/json"
std::string media_type(std::string_view content_type);

// Throws HttpError 415. `content_type` as sent, with parameters.
void check_content_type(const HttpRoute& route, std::string_view content_type);

// The answer to what `error` is.
HttpResponse response_to(const std::exception_ptr& error);

}  // namespace headscope
