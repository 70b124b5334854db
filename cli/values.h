// Numbers out of tensors.
#pragma once

#include <vector>

#include "lib/tensor/tensor.h"

namespace headscope {

// Every element as f32, row-major, on the CPU; waits for the device.
std::vector<float> to_floats(const Tensor& tensor);

}  // namespace headscope
