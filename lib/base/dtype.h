// The element types headscope computes and stores in. Free of Torch.
#pragma once

#include <cstddef>
#include <string_view>

namespace headscope {

enum class DType { f32, bf16, f16 };

constexpr std::size_t size_of(DType dtype) {
  return dtype == DType::f32 ? 4 : 2;
}

// "f32", "bf16" or "f16": the spelling of the command line and of the files we write.
std::string_view to_string(DType dtype);

// The inverse of to_string(). Throws UsageError naming the accepted spellings.
DType parse_dtype(std::string_view text);

}  // namespace headscope
