// Conversions between f32 and the two 16-bit formats: round to nearest even, NaN kept, f16
// overflow to infinity; bit-identical to Torch's. Free of Torch so that readers and writers of
// files need not include it.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "lib/base/dtype.h"

namespace headscope {

inline float bf16_to_f32(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

inline std::uint16_t f32_to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) {
    return 0x7fc0;
  }
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

float f16_to_f32(std::uint16_t bits);
std::uint16_t f32_to_f16(float value);

// Converts `count` elements; `from` and `to` must not overlap unless the dtypes are equal.
void convert(const void* from, DType from_dtype, void* to, DType to_dtype, std::size_t count);

}  // namespace headscope
