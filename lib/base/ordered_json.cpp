#include "lib/base/ordered_json.h"

#include "lib/base/error.h"
#include "lib/base/json_guard.h"

namespace headscope {

OrderedJson parse_ordered_json(std::string_view text, const std::string& where) {
  try {
    return parse_guarded<OrderedJson>(text, where);
  } catch (const OrderedJson::exception& error) {
    throw DataError("{}: malformed JSON: {}", where, error.what());
  }
}

}  // namespace headscope
