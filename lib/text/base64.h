// Bytes from base 64 (RFC 4648), as tokenizer files hold them.
#pragma once

#include <string>
#include <string_view>

namespace headscope {

// Throws DataError, opened by `where`, for a character outside the alphabet.
std::string from_base64(std::string_view text, const std::string& where);

// Padded.
std::string to_base64(std::string_view bytes);

}  // namespace headscope
