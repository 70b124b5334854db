// Texts are UTF-8, wherever they come from: other bytes would be replaced in silence on their way
// to a tokenizer, and a stored text with them could be read by no one.
#pragma once

#include <string>
#include <string_view>

namespace headscope {

// Throws DataError naming `where`, the place of the first byte that is not UTF-8 and what it is.
void check_utf8(std::string_view text, const std::string& where);

}  // namespace headscope
