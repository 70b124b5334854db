// The type Tensor: LibTorch's own. Operations are in lib/tensor/ops.h, for .cpp files only.
#pragma once

#include <ATen/core/Tensor.h>

#include "lib/tensor/tensor_fwd.h"
