// What kernels of several dtypes are told of their tensors.
#pragma once

namespace headscope::cuda {

enum class Element { f32, bf16, f16 };

}  // namespace headscope::cuda
