#include "lib/base/json.h"

#include "lib/base/error.h"
#include "lib/base/json_guard.h"
#include "lib/base/mapped_file.h"

namespace headscope {
namespace {

// "parse error at line 1, column 11: …" without the "[json.exception.parse_error.101] " before it.
std::string without_number(const std::string& message) {
  const std::size_t end = message.find("] ");
  return message.starts_with("[json.exception") && end != std::string::npos
             ? message.substr(end + 2)
             : message;
}

// "column 11: syntax error …" of nlohmann's "[json.exception…] parse error at line 1, column 11:
// …".
std::string without_line(const std::string& message) {
  const std::size_t column = message.find("column ");
  return column == std::string::npos ? without_number(message) : message.substr(column);
}

}  // namespace

Json parse_json(std::string_view text, const std::string& where) {
  try {
    return parse_guarded<Json>(text, {.where = where});
  } catch (const Json::exception& error) {
    throw DataError("{}: malformed JSON: {}", where, without_number(error.what()));
  }
}

Json parse_json_line(std::string_view line, const std::string& where) {
  try {
    return parse_guarded<Json>(line, {.where = where});
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
