#include "lib/base/json.h"

#include <set>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/mapped_file.h"

namespace headscope {
namespace {

constexpr int kJsonMaxDepth = 512;  // consumers recurse; no honest config comes near

void check_depth(int depth, const std::string& where) {
  if (depth > kJsonMaxDepth) {
    throw DataError("{}: JSON nested deeper than {}", where, kJsonMaxDepth);
  }
}

// "column 11: syntax error …" of nlohmann's "[json.exception…] parse error at line 1, column 11:
// …".
std::string without_line(const std::string& message) {
  const std::size_t column = message.find("column ");
  return column == std::string::npos ? message : message.substr(column);
}

}  // namespace

Json parse_json(std::string_view text, const std::string& where) {
  const auto guard = [&](int depth, Json::parse_event_t, Json&) {
    check_depth(depth, where);
    return true;
  };
  try {
    return Json::parse(text, guard);
  } catch (const Json::exception& error) {
    throw DataError("{}: malformed JSON: {}", where, error.what());
  }
}

Json parse_json_line(std::string_view line, const std::string& where) {
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto guard = [&](int depth, Json::parse_event_t event, Json& parsed) {
    check_depth(depth, where);
    if (event == Json::parse_event_t::object_start) {
      keys.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      keys.pop_back();
    } else if (event == Json::parse_event_t::key &&
               !keys.back().insert(parsed.get<std::string>()).second) {
      throw DataError("{}: the key {} stands twice in one object; keep one", where, parsed.dump());
    }
    return true;
  };
  try {
    return Json::parse(line, guard);
  } catch (const Json::exception& error) {
    throw DataError("{}: malformed JSON: {}", where, without_line(error.what()));
  }
}

Json read_json(const std::filesystem::path& path) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  return parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

}  // namespace headscope
