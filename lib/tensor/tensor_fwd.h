// The name Tensor without Torch's headers.
#pragma once

namespace at {
class Tensor;
}

namespace headscope {
using Tensor = at::Tensor;
}
