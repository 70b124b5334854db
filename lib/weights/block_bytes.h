// Little-endian fields inside a quantised block.
#pragma once

#include <cstdint>
#include <cstring>

#include "lib/base/half.h"
#include "lib/base/multiversion.h"

namespace headscope {

HEADSCOPE_INLINE float f16_at(const std::uint8_t* bytes) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, bytes, sizeof bits);
  return f16_to_f32(bits);
}

HEADSCOPE_INLINE std::uint32_t u32_at(const std::uint8_t* bytes) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, bytes, sizeof bits);
  return bits;
}

}  // namespace headscope
