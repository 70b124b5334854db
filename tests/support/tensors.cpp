#include "tests/support/tensors.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>

#include <ATen/ops/empty.h>

#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope::test {
namespace {

namespace fs = std::filesystem;

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    throw DataError("{}: cannot be read", path.string());
  }
  return {std::istreambuf_iterator<char>(in), {}};
}

Tensor tensor_from(const std::string& bytes, std::size_t data, const Json& entry) {
  const auto shape = entry.at("shape").get<std::vector<std::int64_t>>();
  const auto type = entry.at("dtype") == "I64" ? at::kLong : at::kFloat;
  const auto begin = entry.at("data_offsets")[0].get<std::size_t>();
  Tensor tensor = at::empty(shape, type);
  std::memcpy(tensor.data_ptr(), bytes.data() + data + begin, tensor.nbytes());
  return tensor;
}

Tensor as_floats(const Tensor& tensor) {
  return tensor.to(at::kCPU, at::kFloat).contiguous();
}

}  // namespace

Tensors read_tensors(const fs::path& path) {
  const std::string bytes = slurp(path);
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  const Json entries = parse_json(std::string_view(bytes).substr(8, header), path.string());
  Tensors tensors;
  for (const auto& [name, entry] : entries.items()) {
    if (name != "__metadata__") {
      tensors[name] = tensor_from(bytes, 8 + header, entry);
    }
  }
  return tensors;
}

double difference(const Tensor& got, const Tensor& want) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (!got.defined() || !got.sizes().equals(want.sizes())) {
    return kInfinity;
  }
  const Tensor a = as_floats(got);
  const Tensor b = as_floats(want);
  double largest = 0;
  double scale = 1;
  for (std::int64_t i = 0; i < a.numel(); ++i) {
    const double x = a.const_data_ptr<float>()[i];
    const double y = b.const_data_ptr<float>()[i];
    if (std::isfinite(x) && std::isfinite(y)) {
      largest = std::max(largest, std::abs(x - y));
      scale = std::max(scale, std::abs(y));
    } else if (!(x == y)) {
      return kInfinity;
    }
  }
  return largest / scale;
}

bool identical(const Tensor& a, const Tensor& b) {
  const Tensor x = a.contiguous();
  const Tensor y = b.contiguous();
  return x.sizes().equals(y.sizes()) && x.scalar_type() == y.scalar_type() &&
         std::memcmp(x.const_data_ptr(), y.const_data_ptr(), x.nbytes()) == 0;
}

}  // namespace headscope::test
