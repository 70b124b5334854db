// A step of decoding whose tokens and place are numbers on the device, so that the same launches
// serve one step after another (a CUDA graph): what changes is written into these tensors.
#pragma once

#include "lib/tensor/tensor.h"

namespace headscope {

// One token of each row of a KvCache that has room for it. All int64, on the model's device.
struct PlacedTokens {
  Tensor tokens;  // [B, 1]
  Tensor column;  // [1], among the cache's columns, where the tokens lie
  Tensor pads;    // [B], columns of padding at the left of each row
};

}  // namespace headscope
