#include "lib/tensor/convert.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {

at::ScalarType to_torch(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return at::kFloat;
    case DType::bf16:
      return at::kBFloat16;
    case DType::f16:
      return at::kHalf;
  }
  throw InternalError("unknown dtype {}", static_cast<int>(dtype));
}

at::Device to_torch(const Device& device) {
  return device.is_cuda() ? at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device.index))
                          : at::Device(at::kCPU);
}

Tensor index_tensor(const std::vector<std::int64_t>& values, const at::Device& device) {
  Tensor index = at::empty({static_cast<std::int64_t>(values.size())}, at::kLong);
  std::copy(values.begin(), values.end(), index.data_ptr<std::int64_t>());
  return index.to(device);
}

DType dtype_of(const Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return DType::f32;
    case at::kBFloat16:
      return DType::bf16;
    case at::kHalf:
      return DType::f16;
    default:
      throw InternalError("tensor of type {}; headscope computes in f32, bf16 and f16",
                          c10::toString(tensor.scalar_type()));
  }
}

std::vector<float> to_floats(const Tensor& tensor) {
  const Tensor here = tensor.to(at::kCPU, at::kFloat).contiguous();
  const float* data = here.const_data_ptr<float>();
  return {data, data + here.numel()};
}

}  // namespace headscope
