// data/tasks/NAME.json, compiled into the program.
#pragma once

#include <string_view>

namespace headscope {

std::string_view ioi_words();

}  // namespace headscope
