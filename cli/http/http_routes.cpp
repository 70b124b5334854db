#include "cli/http/http_routes.h"

#include <algorithm>
#include <cctype>
#include <new>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/http/http_error.h"
#include "lib/base/error.h"
#include "lib/base/suggest.h"

namespace headscope {

std::string allowed_methods(const std::vector<HttpRoute>& routes, const std::string& path) {
  std::vector<std::string> methods;
  for (const HttpRoute& route : routes) {
    if (route.path == path) {
      methods.push_back(route.method);
      if (route.method == "GET") {
        methods.emplace_back("HEAD");
      }
    }
  }
  return fmt::format("{}", fmt::join(methods, ", "));
}

const HttpRoute& find_route(const std::vector<HttpRoute>& routes,
                            const std::string& method,
                            const std::string& path) {
  std::vector<std::string> paths;
  const std::string asked = method == "HEAD" ? "GET" : method;  // the same without the body
  for (const HttpRoute& route : routes) {
    if (route.path == path && route.method == asked) {
      return route;
    }
    paths.push_back(route.path);
  }
  const std::string methods = allowed_methods(routes, path);
  if (methods.empty()) {
    throw HttpError(404, "no such path: " + path + did_you_mean(path, paths), "not_found");
  }
  throw HttpError(405, method + " is not a method of " + path + ": use " + methods);
}

std::string media_type(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find(';')));
  while (type.ends_with(' ')) {
    type.pop_back();
  }
  std::transform(type.begin(), type.end(), type.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return type;
}

void check_content_type(const HttpRoute& route, std::string_view content_type) {
  if (route.content_types.empty()) {
    return;
  }
  const std::string type = media_type(content_type);
  if (std::find(route.content_types.begin(), route.content_types.end(), type) ==
      route.content_types.end()) {
    throw HttpError(415,
                    fmt::format("the body of {} must be sent as Content-Type: {}",
                                route.path,
                                fmt::join(route.content_types, " or ")));
  }
}

HttpResponse response_to(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const HttpError& refused) {
    return error_response(refused);
  } catch (const UsageError& usage) {
    return error_response(HttpError(400, usage.what()));
  } catch (const DataError& data) {
    return error_response(HttpError(400, data.what()));
  } catch (const ResourceError& resource) {
    return error_response(HttpError(503, resource.what()));
  } catch (const std::bad_alloc&) {
    return error_response(HttpError(503, "out of memory"));
  } catch (const std::exception& other) {
    return error_response(HttpError(500, std::string("internal error: ") + other.what()));
  }
}

}  // namespace headscope
