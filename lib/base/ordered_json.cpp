#include "lib/base/ordered_json.h"

#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {

OrderedJson parse_ordered_json(std::string_view text, const std::string& where) {
  constexpr int kMaxDepth = 512;  // as parse_json
  const auto guard = [&](int depth, OrderedJson::parse_event_t, OrderedJson&) {
    if (depth > kMaxDepth) {
      throw DataError("{}: JSON nested deeper than {}", where, kMaxDepth);
    }
    return true;
  };
  try {
    return OrderedJson::parse(text, guard);
  } catch (const OrderedJson::exception& error) {
    throw DataError("{}: malformed JSON: {}", where, error.what());
  }
}

}  // namespace headscope
