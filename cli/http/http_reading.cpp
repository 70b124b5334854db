#include "cli/http/http_reading.h"

#include <fmt/format.h>

namespace headscope {
namespace {

namespace http = boost::beast::http;

std::vector<std::string> values_of(const http::fields& fields, http::field name) {
  std::vector<std::string> values;
  const auto range = fields.equal_range(name);
  for (auto each = range.first; each != range.second; ++each) {
    values.emplace_back(each->value());
  }
  return values;
}

bool is_malformed(const BoostError& error) {
  return error.category() == make_error_code(http::error::bad_value).category();
}

HttpError malformed(const BoostError& error) {
  return {400, "malformed HTTP request: " + error.message(), "malformed_request"};
}

}  // namespace

std::string path_of_target(std::string_view target) {
  return std::string(target.substr(0, target.find('?')));
}

const HttpRoute& route_of(const HttpParser& parser,
                          const HttpServerOptions& options,
                          const std::optional<HttpError>& unavailable) {
  const auto& request = parser.get();
  const AccessHeaders headers{.hosts = values_of(request, http::field::host),
                              .origins = values_of(request, http::field::origin),
                              .authorizations = values_of(request, http::field::authorization)};
  check_origin(options.access, headers);
  const std::string path = path_of_target(request.target());
  const std::string method(request.method_string());
  const HttpRoute* route = nullptr;
  std::exception_ptr missing;
  try {
    route = &find_route(options.routes, method, path);
  } catch (const HttpError&) {
    missing = std::current_exception();
  }
  if (route == nullptr || route->access == HttpRoute::Access::token) {
    check_token(options.access, headers);  // before we say what there is
  }
  if (missing) {
    std::rethrow_exception(missing);
  }
  if (unavailable) {
    throw HttpError(*unavailable);
  }
  const std::vector<std::string> types = values_of(request, http::field::content_type);
  check_content_type(*route, types.size() == 1 ? types.front() : "");
  return *route;
}

bool waits_for_continue(const HttpParser& parser) {
  const std::vector<std::string> expected = values_of(parser.get(), http::field::expect);
  if (!expected.empty() && expected.front() != "100-continue") {
    throw HttpError(417, "no such expectation: " + expected.front());
  }
  return !expected.empty();
}

void check_length(const HttpParser& parser, const HttpRoute& route) {
  const auto length = parser.content_length();
  if (length && *length > route.most_body) {
    throw HttpError(413,
                    fmt::format("a body of {} bytes is more than the {} that {} takes",
                                *length,
                                route.most_body,
                                route.path));
  }
}

std::optional<HttpError> header_error(const ReadFailure& failure, const HttpLimits& limits) {
  const BoostError& error = failure.error;
  if (failure.timed_out) {
    return HttpError(
        408,
        fmt::format("the headers of the request took longer than {} s", limits.header_seconds));
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return HttpError(
        431,
        fmt::format("the headers of the request are longer than {} bytes", limits.header_bytes));
  }
  if (error == http::error::partial_message) {
    return HttpError(400, "the request ended before its headers were whole", "malformed_request");
  }
  const bool nothing_came = error == http::error::end_of_stream;
  return is_malformed(error) && !nothing_came ? std::optional(malformed(error)) : std::nullopt;
}

std::optional<HttpError> body_error(const ReadFailure& failure,
                                    const HttpLimits& limits,
                                    const HttpRoute& route) {
  const BoostError& error = failure.error;
  if (failure.timed_out) {
    return HttpError(
        408, fmt::format("the body of the request took longer than {} s", limits.body_seconds));
  }
  if (error == http::error::body_limit) {
    return HttpError(413,
                     fmt::format("the body is longer than the {} bytes allowed", route.most_body));
  }
  if (error == http::error::partial_message || error == http::error::end_of_stream) {
    return HttpError(400, "the request ended before its body was whole", "malformed_request");
  }
  return is_malformed(error) ? std::optional(malformed(error)) : std::nullopt;
}

}  // namespace headscope
