// What is said of a request while it is read: where it may go, or why it is refused.
#pragma once

#include <optional>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "cli/http/http_error.h"
#include "cli/http/http_server.h"

namespace headscope {

using BoostError = boost::system::error_code;
using HttpParser = boost::beast::http::request_parser<boost::beast::http::string_body>;

// Of a path with a query, the path.
std::string path_of_target(std::string_view target);

// The route of a request whose headers are read. Throws HttpError for a client that may not ask,
// for a request that no route takes, and `unavailable`, if there is one, to a client that may know.
const HttpRoute& route_of(const HttpParser& parser,
                          const HttpServerOptions& options,
                          const std::optional<HttpError>& unavailable);

// Whether the client waits for "100 Continue" before it sends the body. Throws HttpError 417 for
// another expectation.
bool waits_for_continue(const HttpParser& parser);

// Throws HttpError 413 for a body that says it is longer than the route takes.
void check_length(const HttpParser& parser, const HttpRoute& route);

// Why reading stopped.
struct ReadFailure {
  BoostError error;
  bool timed_out = false;
};

// What the client is told; nothing if it has gone, or was not heard of.
std::optional<HttpError> header_error(const ReadFailure& failure, const HttpLimits& limits);
std::optional<HttpError> body_error(const ReadFailure& failure,
                                    const HttpLimits& limits,
                                    const HttpRoute& route);

}  // namespace headscope
