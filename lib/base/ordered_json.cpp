#include "lib/base/ordered_json.h"

#include <cmath>

#include "lib/base/error.h"
#include "lib/base/json_guard.h"

namespace headscope {

OrderedJson parse_ordered_json(std::string_view text, const std::string& where) {
  try {
    return parse_guarded<OrderedJson>(text, {.where = where});
  } catch (const OrderedJson::exception& error) {
    throw DataError("{}: malformed JSON: {}", where, json_fault(error.what()));
  }
}

OrderedJson finite_or_null(double value) {
  return std::isfinite(value) ? OrderedJson(value) : OrderedJson(nullptr);
}

}  // namespace headscope
