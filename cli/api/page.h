// The page at "/": a prompt, a grid of heads to switch off, both texts, attention.
#pragma once

#include <vector>

#include "cli/http/http_routes.h"

namespace headscope {

// "/", "/page.css" and "/page.js", from what is compiled into the program. They hold nothing of the
// model, so they ask for no token; the page asks its user for it.
std::vector<HttpRoute> page_routes();

}  // namespace headscope
