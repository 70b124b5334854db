// Conversions between f32 and the two 16-bit formats: round to nearest even, NaN kept, f16
// overflow to infinity; bit-identical to Torch's but for the payload of a NaN, which Torch itself
// treats differently from one loop to the next. Free of Torch so that readers and writers of files
// need not include it. Without branches, so that loops over them vectorise.
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

inline float f16_to_f32(std::uint16_t bits) {
  constexpr std::uint32_t kRebias = 112u << 23;
  constexpr std::uint32_t kSmallest = 113u << 23;  // 2^-14, the smallest normal f16
  const std::uint32_t shifted = (bits & 0x7fffu) << 13;
  const std::uint32_t normal = shifted + kRebias + (shifted >= 0x0f800000u ? kRebias : 0u);
  const auto subnormal = std::bit_cast<std::uint32_t>(std::bit_cast<float>(shifted + kSmallest) -
                                                      std::bit_cast<float>(kSmallest));
  const std::uint32_t magnitude = shifted < (1u << 23) ? subnormal : normal;
  return std::bit_cast<float>(magnitude | ((bits & 0x8000u) << 16));
}

inline std::uint16_t f32_to_f16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  const std::uint32_t normal = (magnitude + 0xfffu + ((magnitude >> 13) & 1u) - 0x38000000u) >> 13;
  // Below 2^-14 the sum with 0.5, whose last place is 2^-24, makes the FPU round.
  const auto subnormal =
      std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  std::uint32_t half = magnitude < 0x38800000u ? subnormal : normal;
  half = magnitude >= 0x477ff000u ? 0x7c00u : half;  // rounds to 65536 or more
  half = magnitude > 0x7f800000u ? 0x7e00u : half;
  return static_cast<std::uint16_t>(half | ((bits >> 16) & 0x8000u));
}

// Converts `count` elements; `from` and `to` need not be aligned, and must not overlap unless the
// dtypes are equal.
void convert(const void* from, DType from_dtype, void* to, DType to_dtype, std::size_t count);

}  // namespace headscope
