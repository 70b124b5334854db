// Names out of a broken file, fit for a one-line message.
#pragma once

#include <string>
#include <string_view>

namespace headscope {

// `name` in single quotes, with bytes outside printable ASCII as \xNN, cut after 80 bytes.
std::string printable(std::string_view name);

// How a message about a damaged weight file ends.
inline constexpr std::string_view kDownloadAgain =
    "the file is damaged or incomplete; download it again";

}  // namespace headscope
