// Token pieces as the trace stores them: one JSON list a prompt.
#pragma once

#include <string>
#include <vector>

namespace headscope {

// ["When", " Mary", {"bytes": [226, 128]}]: pieces are raw bytes; those that are no UTF-8 on their
// own are stored as numbers.
std::string pieces_to_text(const std::vector<std::string>& pieces);

// The inverse. Throws DataError naming `where` for anything else.
std::vector<std::string> pieces_from_text(const std::string& text, const std::string& where);

}  // namespace headscope
