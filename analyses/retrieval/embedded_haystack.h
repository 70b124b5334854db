// data/haystack, compiled into the program.
#pragma once

#include <string_view>
#include <vector>

namespace headscope {

std::vector<std::string_view> embedded_haystack();  // the .txt files
std::string_view embedded_needles();                // needles.json

}  // namespace headscope
