// The JSON header of one safetensors file, read and checked.
// Format: https://github.com/huggingface/safetensors#format
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lib/weights/encoding.h"
#include "lib/weights/weight_source.h"

namespace headscope {

struct SafetensorsTensor {
  StoredTensor tensor;
  const Encoding* encoding = nullptr;
  std::uint64_t begin = 0;  // in the file
  std::uint64_t bytes = 0;
};

// The tensors of the safetensors file `bytes` in the order of their data, which they fill without
// holes or overlaps. Throws DataError naming `path` and the entry.
std::vector<SafetensorsTensor> read_safetensors_header(std::span<const std::uint8_t> bytes,
                                                       const std::string& path);

}  // namespace headscope
