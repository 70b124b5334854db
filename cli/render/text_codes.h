// Bytes and text as other formats spell them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace headscope {

std::string base64(std::string_view bytes);  // RFC 4648, padded
// The bytes again; nothing for what base64() does not write.
std::optional<std::string> from_base64(std::string_view text);

// The escaped form of text in HTML, XML and their attributes. Invalid UTF-8 and characters XML
// forbids become U+FFFD.
std::string escaped(std::string_view text);

// JSON for a data block in HTML: "<" never appears in it, so nothing in a token can end it.
std::string inert(std::string_view json);

}  // namespace headscope
