// What a head would read from a given stream.
#pragma once

#include "analyses/path_patching/receiver.h"
#include "lib/model/model.h"

namespace headscope {

// From the stream entering the receiver's layer [R, s, d_model] to its query, key or value [R, s,
// d_head], normalised and rotated as attention compares them; the dtype of the model.
Tensor receiver_input(const Model& model,
                      const Receiver& receiver,
                      const Tensor& stream,
                      const BatchLayout& layout);

}  // namespace headscope
