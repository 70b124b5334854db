// JSON for everything we read and write: nlohmann/json and one reader of files. A header that only
// names Json includes lib/base/json_fwd.h.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "lib/base/json_fwd.h"

namespace headscope {

// Parses `text`; `where` (a path, or path:line) opens the message of the DataError that malformed
// JSON, nesting deeper than 512, or a key that one object has twice gives.
Json parse_json(std::string_view text, const std::string& where);

// One line of a JSONL file; `where` is path:line. As parse_json, but a malformed line's message
// names the column alone.
Json parse_json_line(std::string_view line, const std::string& where);

// Reads and parses a whole file. Throws DataError naming the path.
Json read_json(const std::filesystem::path& path);

}  // namespace headscope
