// The files that headscope writes beside traces and results: what one is, and which verb shows it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/json_fwd.h"

namespace headscope {

struct KnownFile {
  std::string_view noun;      // "atlas"
  std::string_view shown_by;  // "headscope atlas FILE shows it, and -o makes a page"
};

// By its first bytes, or for a folder by what lies in it; nothing for a trace, a result and for
// what is not ours. Throws DataError naming a path that cannot be read.
std::optional<KnownFile> known_file(const std::filesystem::path& path);

// What is in one that is JSON, or JSON lines: {"path", "kind", "shown_by"}, the numbers and texts
// at its top, and how long its lists are. Throws DataError for one that is damaged.
OrderedJson describe_known_file(const std::filesystem::path& path, const KnownFile& known);

}  // namespace headscope
