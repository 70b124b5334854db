// The header of a GGUF file: everything before the tensors' bytes, read and checked.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lib/base/json.h"
#include "lib/weights/encoding.h"
#include "lib/weights/weight_source.h"

namespace headscope {

struct GgufTensor {
  StoredTensor tensor;
  const Encoding* encoding = nullptr;
  std::uint64_t begin = 0;  // in the file
  std::uint64_t bytes = 0;
};

struct GgufHeader {
  Json metadata;  // an object
  std::vector<GgufTensor>
      tensors;  // in the order of the header; none outside the file or the others
};

// Reads the header of the GGUF file `bytes`. Throws DataError naming `path` and the entry.
GgufHeader read_gguf_header(std::span<const std::uint8_t> bytes, const std::string& path);

}  // namespace headscope
