#include "lib/weights/safetensors_json.h"

#include "lib/base/error.h"
#include "lib/base/json_guard.h"
#include "lib/weights/printable.h"

namespace headscope {
namespace {

constexpr std::size_t kSafetensorsJsonMaxDepth = 8;  // the format has three levels

}  // namespace

Json parse_safetensors_json(std::string_view text, const std::string& where) {
  Json json;
  try {
    json = parse_guarded<Json>(text,
                               {.where = where,
                                .most_depth = kSafetensorsJsonMaxDepth,
                                .way_out = std::string(kDownloadAgain)});
  } catch (const Json::exception& error) {
    // The parser quotes what it last read, which may be any bytes and any length.
    throw DataError("{}: malformed JSON (error {}); {}", where, error.id, kDownloadAgain);
  }
  if (!json.is_object()) {
    throw DataError("{}: the JSON is no object; {}", where, kDownloadAgain);
  }
  return json;
}

}  // namespace headscope
