#include "cli/values.h"

#include "lib/tensor/ops.h"

namespace headscope {

std::vector<float> to_floats(const Tensor& tensor) {
  const Tensor here = tensor.to(at::kCPU, at::kFloat).contiguous();
  const float* data = here.const_data_ptr<float>();
  return {data, data + here.numel()};
}

}  // namespace headscope
