#include "lib/weights/weight_source.h"

namespace headscope {

std::int64_t StoredTensor::rows() const {
  std::int64_t product = 1;
  for (std::size_t axis = 0; axis + 1 < shape.size(); ++axis) {
    product *= shape[axis];
  }
  return product;
}

}  // namespace headscope
