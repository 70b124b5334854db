#include "lib/families/weight_storage.h"

#include "lib/base/error.h"

namespace headscope {

std::string_view to_string(WeightStorage storage) {
  return storage == WeightStorage::packed ? "packed" : "unpacked";
}

WeightStorage parse_weight_storage(std::string_view text) {
  for (const WeightStorage storage : {WeightStorage::unpacked, WeightStorage::packed}) {
    if (text == to_string(storage)) {
      return storage;
    }
  }
  throw UsageError("--weights is unpacked or packed, not '{}'", text);
}

}  // namespace headscope
