// Where a text stands in a prompt, in tokens.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/text/prompt.h"

namespace headscope {

// The tokens that hold a byte of `text`. `pieces`: the text of each token, raw bytes
// (Tokenizer::piece). Throws DataError beginning with `where` for an empty text, one that does not
// occur, or one that occurs more than once.
Span span_of_text(const std::vector<std::string>& pieces,
                  std::string_view text,
                  const std::string& where);

}  // namespace headscope
