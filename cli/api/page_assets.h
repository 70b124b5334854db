// The page's files, compiled into the program.
#pragma once

#include <string_view>

namespace headscope {

std::string_view served_page_html();
std::string_view served_page_css();
std::string_view served_page_js();

}  // namespace headscope
