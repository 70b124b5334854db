// Values in files: a direction that headscope learned, or what other programs write.
#pragma once

#include <string>

#include "hooks/intervention.h"
#include "lib/tensor/tensor.h"

namespace headscope {

// What `what.values.file` means at `point`, f32 on the CPU; it broadcasts against the point's axes,
// trailing axes aligned.
//
// direction: the values that the folder has for this very point; see direction_values().
// safetensors, npy: the array as it lies.
// gguf: a control vector as llama.cpp reads it: `direction.N` (N ≥ 1) is added to what block N,
//   counted from 0, puts out, so it is of blocks.N.hook_resid_post. (Its generator names the
//   difference that it measured behind block N − 1 so; what is run is what counts here.)
//
// Throws DataError naming the file: not readable, another format, no such tensor (with the
// nearest), values that are NaN or infinite; UsageError for a point that the file has none for.
Tensor values_of_file(const Intervention& what, HookPoint point, const std::string& weights_hash);

}  // namespace headscope
