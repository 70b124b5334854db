#include "cli/serve/number_json.h"

#include <cmath>
#include <cstring>

#include "cli/render/text_codes.h"
#include "lib/base/error.h"
#include "lib/base/half.h"
#include "lib/base/json.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr float kLargestF16 = 65504;

struct Numbers {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

OrderedJson lists(const Numbers& numbers, std::size_t axis, std::size_t& next) {
  if (axis == numbers.shape.size()) {
    const float value = numbers.values[next++];
    return std::isfinite(value) ? OrderedJson(value) : OrderedJson(nullptr);
  }
  OrderedJson list = OrderedJson::array();
  for (std::int64_t i = 0; i < numbers.shape[axis]; ++i) {
    list.push_back(lists(numbers, axis + 1, next));
  }
  return list;
}

std::string f32_bytes(const std::vector<float>& values) {
  std::string bytes(values.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::string f16_bytes(const std::vector<float>& values) {
  std::string bytes(values.size() * 2, '\0');
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i]) && std::abs(values[i]) > kLargestF16) {
      throw UsageError("{} does not fit into f16: ask for base64_f32", values[i]);
    }
    const std::uint16_t half = f32_to_f16(values[i]);
    std::memcpy(bytes.data() + 2 * i, &half, 2);
  }
  return bytes;
}

}  // namespace

OrderedJson number_json(const Tensor& values, NumberCoding coding) {
  const Numbers numbers{.shape = values.sizes().vec(), .values = to_floats(values)};
  OrderedJson json{{"shape", numbers.shape},
                   {"dtype", coding == NumberCoding::base64_f16 ? "f16" : "f32"}};
  if (coding == NumberCoding::json) {
    std::size_t next = 0;
    json["data"] = lists(numbers, 0, next);
  } else {
    json["data"] = base64(coding == NumberCoding::base64_f16 ? f16_bytes(numbers.values)
                                                             : f32_bytes(numbers.values));
  }
  return json;
}

}  // namespace headscope
