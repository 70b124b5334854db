#include "hooks/trace/pieces.h"

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/text/unicode.h"

namespace headscope {
namespace {

Json to_json(const std::string& piece) {
  if (valid_utf8_prefix(piece) == piece.size()) {
    return piece;
  }
  Json bytes = Json::array();
  for (const char c : piece) {
    bytes.push_back(static_cast<unsigned char>(c));
  }
  return Json{{"bytes", std::move(bytes)}};
}

std::string from_json(const Json& item) {
  if (item.is_string()) {
    return item.get<std::string>();
  }
  std::string piece;
  for (const Json& byte : item.at("bytes")) {
    piece += static_cast<char>(byte.get<unsigned char>());
  }
  return piece;
}

}  // namespace

std::string pieces_to_text(const std::vector<std::string>& pieces) {
  Json list = Json::array();
  for (const std::string& piece : pieces) {
    list.push_back(to_json(piece));
  }
  return list.dump();
}

std::vector<std::string> pieces_from_text(const std::string& text, const std::string& where) {
  std::vector<std::string> pieces;
  const Json list = parse_json(text, where);
  try {
    for (const Json& item : list) {
      pieces.push_back(from_json(item));
    }
  } catch (const Json::exception&) {
    throw DataError("{}: /prompts/pieces is not a list of token pieces", where);
  }
  return pieces;
}

}  // namespace headscope
