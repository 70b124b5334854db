#include "lib/weights/write_safetensors.h"

#include <bit>
#include <cstring>
#include <functional>
#include <numeric>

#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {

static_assert(std::endian::native == std::endian::little, "values are written as they lie");

std::string safetensors_header(const OrderedJson& tensors) {
  std::string text = tensors.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size();
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes + text;
}

std::string safetensors_bytes(const std::vector<NamedArray>& arrays) {
  OrderedJson header = OrderedJson::object();
  std::string data;
  for (const NamedArray& array : arrays) {
    const auto count = std::accumulate(
        array.shape.begin(), array.shape.end(), std::int64_t{1}, std::multiplies<>());
    if (count != static_cast<std::int64_t>(array.values.size())) {
      throw InternalError("{}: {} values are not of its shape", array.name, array.values.size());
    }
    const std::size_t begin = data.size();
    data.append(reinterpret_cast<const char*>(array.values.data()),
                array.values.size() * sizeof(float));
    header[array.name] = {
        {"dtype", "F32"}, {"shape", array.shape}, {"data_offsets", {begin, data.size()}}};
  }
  return safetensors_header(header) + data;
}

}  // namespace headscope
