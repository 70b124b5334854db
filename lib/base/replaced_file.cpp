#include "lib/base/replaced_file.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/mapped_file.h"
#include "lib/base/paths.h"

namespace headscope {

void check_replaceable(const std::filesystem::path& path, const TextKind& kind) {
  if (!path_exists(path) || std::filesystem::is_empty(path)) {
    return;
  }
  const MappedFile file(path);
  const auto bytes = file.bytes();
  if (!kind.is(
          {reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), kTextKindBytes)})) {
    refuse_to_replace(path, kind.noun);
  }
}

void refuse_to_replace(const std::filesystem::path& path, std::string_view noun) {
  throw UsageError(
      "{}: not a headscope {}, so it is not replaced; choose another -o", path.string(), noun);
}

bool begins_as_json(std::string_view text, std::string_view start) {
  for (const char c : text) {
    if (start.empty()) {
      return true;
    }
    if (c == start.front()) {
      start.remove_prefix(1);
    } else if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
      return false;
    }
  }
  return start.empty();
}

}  // namespace headscope
