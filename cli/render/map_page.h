// A page that draws a map of its data by a script, on the library that such pages share (page.js,
// page.css).
#pragma once

#include <string>
#include <string_view>

#include "lib/base/json_fwd.h"

namespace headscope {

struct MapPage {
  const OrderedJson& index;  // what the script draws; its "title" is the page's
  std::string_view style;
  std::string_view script;
  std::string_view script_sha256;
};

// The whole HTML document; it asks for nothing from outside.
std::string map_page(const MapPage& page);

}  // namespace headscope
