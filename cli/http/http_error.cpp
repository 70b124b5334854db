#include "cli/http/http_error.h"

#include <map>

#include "lib/base/json.h"

namespace headscope {
namespace {

// As the OpenAI API has them: there a wrong key is an invalid request too, told by its code.
std::string error_type(int status) {
  switch (status) {
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

// What a status says by itself.
std::string code_of(int status) {
  static const std::map<int, std::string> codes{
      {400, "invalid_request"},
      {401, "invalid_api_key"},
      {403, "forbidden"},
      {404, "not_found"},
      {405, "method_not_allowed"},
      {408, "timeout"},
      {413, "content_too_large"},
      {415, "unsupported_media_type"},
      {417, "expectation_failed"},
      {429, "rate_limit_exceeded"},
      {431, "headers_too_large"},
      {503, "unavailable"},
      {507, "insufficient_storage"},
  };
  const auto found = codes.find(status);
  return found != codes.end() ? found->second : status < 500 ? "invalid_request" : "internal_error";
}

OrderedJson text_or_null(const std::string& text) {
  return text.empty() ? OrderedJson(nullptr) : OrderedJson(text);
}

}  // namespace

HttpError::HttpError(int status, const std::string& message, std::string code, std::string param)
    : std::runtime_error(message),
      status_(status),
      code_(code.empty() ? code_of(status) : std::move(code)),
      param_(std::move(param)) {}

std::string error_json(const HttpError& error) {
  const OrderedJson body{{"error",
                          {{"message", error.what()},
                           {"type", error_type(error.status())},
                           {"param", text_or_null(error.param())},
                           {"code", error.code()}}}};
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
