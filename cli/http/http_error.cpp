#include "cli/http/http_error.h"

#include <map>

#include "lib/base/json.h"

namespace headscope {
namespace {

std::string error_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 408:
      return "timeout_error";
    case 429:
      return "rate_limit_error";
    default:
      return status < 500 ? "invalid_request_error" : "server_error";
  }
}

}  // namespace

std::string error_json(const HttpError& error) {
  const OrderedJson body{
      {"error",
       {{"message", error.what()},
        {"type", error_type(error.status())},
        {"param", nullptr},
        {"code", error.code().empty() ? OrderedJson(nullptr) : OrderedJson(error.code())}}}};
  return body.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

HttpResponse error_response(const HttpError& error) {
  HttpResponse response{.status = error.status(), .body = error_json(error)};
  if (error.status() == 401) {
    response.headers.emplace_back("WWW-Authenticate", "Bearer");
  }
  if (error.status() == 429 || error.status() == 503) {
    response.headers.emplace_back("Retry-After", "1");
  }
  return response;
}

std::string reason_phrase(int status) {
  static const std::map<int, std::string> phrases{
      {200, "OK"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {413, "Content Too Large"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {503, "Service Unavailable"},
      {507, "Insufficient Storage"},
  };
  const auto found = phrases.find(status);
  return found == phrases.end() ? "Unknown" : found->second;
}

}  // namespace headscope
