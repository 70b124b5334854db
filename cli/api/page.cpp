#include "cli/api/page.h"

#include "cli/api/page_assets.h"

namespace headscope {
namespace {

// The page loads its two files and asks this server, and nothing else.
constexpr const char* kPagePolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

HttpRoute asset_route(const std::string& path, const std::string& type, std::string_view bytes) {
  HttpRoute route{.method = "GET",
                  .path = path,
                  .handle = [type, bytes](const std::shared_ptr<HttpExchange>& exchange) {
                    exchange->reply({.content_type = type,
                                     .body = std::string(bytes),
                                     .headers = {{"Content-Security-Policy", kPagePolicy},
                                                 {"Referrer-Policy", "no-referrer"}}});
                  }};
  route.access = HttpRoute::Access::everyone;
  return route;
}

}  // namespace

std::vector<HttpRoute> page_routes() {
  return {asset_route("/", "text/html; charset=utf-8", served_page_html()),
          asset_route("/page.css", "text/css; charset=utf-8", served_page_css()),
          asset_route("/page.js", "text/javascript; charset=utf-8", served_page_js())};
}

}  // namespace headscope
