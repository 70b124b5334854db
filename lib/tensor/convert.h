// Between headscope's Torch-free words (DType, Device) and Torch's.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/device.h"
#include "lib/base/dtype.h"
#include "lib/tensor/tensor.h"

namespace headscope {

at::ScalarType to_torch(DType dtype);
at::Device to_torch(const Device& device);  // of several GPUs the first
// A one-dimensional int64 tensor of `values`.
Tensor index_tensor(const std::vector<std::int64_t>& values, const at::Device& device);

// Every element as f32, row-major, on the CPU; waits for the device.
std::vector<float> to_floats(const Tensor& tensor);

DType dtype_of(const Tensor& tensor);  // InternalError for a type headscope does not compute in

}  // namespace headscope
