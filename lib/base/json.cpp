#include "lib/base/json.h"

#include "lib/base/error.h"
#include "lib/base/mapped_file.h"

namespace headscope {
namespace {

constexpr int kMaxDepth = 512;  // consumers recurse; no honest config comes near

}  // namespace

Json parse_json(std::string_view text, const std::string& where) {
  const auto guard_depth = [&](int depth, Json::parse_event_t, Json&) {
    if (depth > kMaxDepth) {
      throw DataError("{}: JSON nested deeper than {}", where, kMaxDepth);
    }
    return true;
  };
  try {
    return Json::parse(text, guard_depth);
  } catch (const nlohmann::json::exception& error) {
    throw DataError("{}: malformed JSON: {}", where, error.what());
  }
}

Json read_json(const std::filesystem::path& path) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  return parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

}  // namespace headscope
