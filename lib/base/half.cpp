#include "lib/base/half.h"

#include <cmath>
#include <cstring>

namespace headscope {

float f16_to_f32(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000u) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1fu;
  const std::uint32_t mantissa = bits & 0x3ffu;
  if (exponent == 0) {  // zero and subnormals: mantissa units of 2^-24
    const float magnitude = std::ldexp(static_cast<float>(mantissa), -24);
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
  }
  const std::uint32_t wide = exponent == 31 ? 255u : exponent + 112u;
  return std::bit_cast<float>(sign | (wide << 23) | (mantissa << 13));
}

std::uint16_t f32_to_f16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) {
    return static_cast<std::uint16_t>(sign | 0x7e00u);
  }
  if (magnitude >= 0x477ff000u) {  // rounds to 65536 or more
    return static_cast<std::uint16_t>(sign | 0x7c00u);
  }
  if (magnitude < 0x38800000u) {  // below 2^-14: let the FPU round to units of 2^-24
    const float scaled = std::ldexp(std::bit_cast<float>(magnitude), 24);
    return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(std::nearbyint(scaled)));
  }
  const std::uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
}

namespace {

float load(const void* from, DType dtype, std::size_t i) {
  if (dtype == DType::f32) {
    return static_cast<const float*>(from)[i];
  }
  const std::uint16_t bits = static_cast<const std::uint16_t*>(from)[i];
  return dtype == DType::bf16 ? bf16_to_f32(bits) : f16_to_f32(bits);
}

}  // namespace

void convert(const void* from, DType from_dtype, void* to, DType to_dtype, std::size_t count) {
  if (from_dtype == to_dtype) {
    std::memmove(to, from, count * size_of(to_dtype));
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const float value = load(from, from_dtype, i);
    if (to_dtype == DType::f32) {
      static_cast<float*>(to)[i] = value;
    } else {
      static_cast<std::uint16_t*>(to)[i] =
          to_dtype == DType::bf16 ? f32_to_bf16(value) : f32_to_f16(value);
    }
  }
}

}  // namespace headscope
