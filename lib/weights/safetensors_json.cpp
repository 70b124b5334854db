#include "lib/weights/safetensors_json.h"

#include <set>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/weights/printable.h"

namespace headscope {
namespace {

constexpr std::size_t kSafetensorsJsonMaxDepth = 8;  // the format has three levels

// Watches the parser: one set of keys for every object that is open.
class KeyGuard {
 public:
  explicit KeyGuard(const std::string& where) : where_(where) {}

  void see(Json::parse_event_t event, const Json& parsed) {
    using Event = Json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) {
      open_.emplace_back();
    } else if (event == Event::object_end || event == Event::array_end) {
      open_.pop_back();
    } else if (event == Event::key &&
               !open_.back().insert(parsed.get_ref<const std::string&>()).second) {
      throw DataError("{}: {} is given twice; {}",
                      where_,
                      printable(parsed.get_ref<const std::string&>()),
                      kDownloadAgain);
    }
    if (open_.size() > kSafetensorsJsonMaxDepth) {
      throw DataError(
          "{}: JSON nested deeper than {}; {}", where_, kSafetensorsJsonMaxDepth, kDownloadAgain);
    }
  }

 private:
  const std::string& where_;
  std::vector<std::set<std::string>> open_;
};

}  // namespace

Json parse_safetensors_json(std::string_view text, const std::string& where) {
  KeyGuard guard(where);
  const auto watch = [&guard](int, Json::parse_event_t event, const Json& parsed) {
    guard.see(event, parsed);
    return true;
  };
  Json json;
  try {
    json = Json::parse(text, watch);
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
