#include "lib/base/json.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/json_guard.h"
#include "lib/base/mapped_file.h"

namespace headscope {
namespace {

constexpr std::size_t kMostLastRead = 40;

// Takes what `text` begins with up to the first `end`, and `end`, off it; nothing where it has
// none.
std::string_view take_until(std::string_view& text, std::string_view end) {
  const std::size_t at = text.find(end);
  if (at == std::string_view::npos) {
    return {};
  }
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at + end.size());
  return taken;
}

// The end of what was read last, which may be a whole file, cut off.
std::string cut_last_read(std::string_view text) {
  constexpr std::string_view kLastRead = "; last read: '";
  const std::size_t read = text.find(kLastRead);
  if (read == std::string_view::npos || text.size() - read - kLastRead.size() <= kMostLastRead) {
    return std::string(text);
  }
  std::size_t end = read + kLastRead.size() + kMostLastRead;
  while ((static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {  // within a character
    --end;
  }
  return std::string(text.substr(0, end)) + "…'";
}

// "unexpected X; expected Y" as "expected Y, found X", whatever X is.
std::string detail(std::string_view text) {
  constexpr std::string_view kUnexpected = "unexpected ";
  constexpr std::string_view kExpected = "; expected ";
  const std::size_t expected = text.rfind(kExpected);
  if (expected == std::string_view::npos) {
    return cut_last_read(text);
  }
  std::string_view found = text.substr(0, expected);
  if (found.starts_with(kUnexpected)) {
    found.remove_prefix(kUnexpected.size());
  }
  return fmt::format(
      "expected {}, found {}", text.substr(expected + kExpected.size()), cut_last_read(found));
}

// Without the line of a text that is one line of a file, which `where` has named.
std::string without_line(const std::string& fault) {
  const std::size_t column = fault.find("column ");
  return fault.starts_with("line ") && column != std::string::npos ? fault.substr(column) : fault;
}

}  // namespace

std::string json_fault(std::string_view message) {
  if (message.starts_with("[json.exception.")) {
    take_until(message, "] ");
  }
  std::string place;
  if (message.starts_with("parse error at ")) {
    take_until(message, "at ");
    place = take_until(message, ": ");
  }
  if (message.starts_with("syntax error while parsing ")) {
    take_until(message, "parsing ");
    place += fmt::format(" ({})", take_until(message, " - "));
  }
  if (message.starts_with("attempting to parse an empty input")) {  // as newer parsers say it
    return "line 1, column 1 (value): expected '[', '{', or a literal, found end of input";
  }
  std::string fault = place.empty() ? detail(message) : place + ": " + detail(message);
  std::replace(fault.begin(), fault.end(), '\n', ' ');
  return fault;
}

Json parse_json(std::string_view text, const std::string& where) {
  try {
    return parse_guarded<Json>(text, {.where = where});
  } catch (const Json::exception& error) {
    throw DataError("{}: malformed JSON: {}", where, json_fault(error.what()));
  }
}

Json parse_json_line(std::string_view line, const std::string& where) {
  try {
    return parse_guarded<Json>(line, {.where = where});
  } catch (const Json::exception& error) {
    throw DataError("{}: malformed JSON: {}", where, without_line(json_fault(error.what())));
  }
}

Json read_json(const std::filesystem::path& path) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  return parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

}  // namespace headscope
