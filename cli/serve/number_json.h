// Tensors as clients get them.
#pragma once

#include "cli/api/values_job.h"
#include "lib/base/json_fwd.h"
#include "lib/tensor/tensor.h"

namespace headscope {

// {"shape": […], "dtype": "f32", "data": …}: nested lists of the shape, or base64 of its
// little-endian numbers, row-major. What JSON has no number for (−∞ of masked scores, NaN) is null
// in lists. Throws UsageError for base64_f16 of numbers beyond ±65504, which would become infinite.
OrderedJson number_json(const Tensor& values, NumberCoding coding);

}  // namespace headscope
