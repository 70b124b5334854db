// Writing the format that lib/weights reads. https://github.com/huggingface/safetensors#format
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lib/base/json_fwd.h"

namespace headscope {

// What a file begins with: the length of `tensors` as text, and that text, padded so that values
// begin at a multiple of 8. `tensors`: name → dtype, shape, data_offsets.
std::string safetensors_header(const OrderedJson& tensors);

// An f32 tensor, row-major.
struct NamedArray {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

// The bytes of a file of them, in their order. InternalError if a shape and its values disagree.
std::string safetensors_bytes(const std::vector<NamedArray>& arrays);

}  // namespace headscope
