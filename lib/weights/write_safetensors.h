// Writing the format that lib/weights reads. https://github.com/huggingface/safetensors#format
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace headscope {

// An f32 tensor, row-major.
struct NamedArray {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

// The bytes of a file of them, in their order. InternalError if a shape and its values disagree.
std::string safetensors_bytes(const std::vector<NamedArray>& arrays);

}  // namespace headscope
