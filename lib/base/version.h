// The version written into every file headscope makes.
#pragma once

#include <string_view>

namespace headscope {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace headscope
