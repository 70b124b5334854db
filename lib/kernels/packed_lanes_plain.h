// Sixteen floats side by side, as arrays: what the vector forms mean.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "lib/base/half.h"

namespace headscope::kernels {

struct PlainLanes {
  struct F {
    float at[16];
  };
  struct I {
    std::int32_t at[16];
  };

  template <typename Get>
  static F floats(Get get) {
    F out;
    for (int i = 0; i < 16; ++i) {
      out.at[i] = get(i);
    }
    return out;
  }
  template <typename Get>
  static I ints(Get get) {
    I out;
    for (int i = 0; i < 16; ++i) {
      out.at[i] = get(i);
    }
    return out;
  }
  static std::uint16_t u16(const std::uint8_t* from) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, from, sizeof bits);
    return bits;
  }

  static F load(const float* from) {
    return floats([&](int i) { return from[i]; });
  }
  static F splat(float x) {
    return floats([&](int) { return x; });
  }
  static F multiply_add(F a, F b, F c) {
    return floats([&](int i) { return a.at[i] * b.at[i] + c.at[i]; });
  }
  static F multiply(F a, F b) {
    return floats([&](int i) { return a.at[i] * b.at[i]; });
  }
  static float sum(F x) {
    float total = 0;
    for (const float part : x.at) {
      total += part;
    }
    return total;
  }

  // Sixteen bytes, numbers, or halves of numbers, to sixteen lanes.
  static I bytes(const std::uint8_t* from) {
    return ints([&](int i) { return from[i]; });
  }
  static I signed_bytes(const std::uint8_t* from) {
    return ints([&](int i) { return static_cast<std::int8_t>(from[i]); });
  }
  static F from_f16(const std::uint8_t* from) {
    return floats([&](int i) { return f16_to_f32(u16(from + 2 * i)); });
  }
  static F from_bf16(const std::uint8_t* from) {
    return floats([&](int i) {
      return std::bit_cast<float>(static_cast<std::uint32_t>(u16(from + 2 * i)) << 16);
    });
  }
  static float one_f16(const std::uint8_t* from) { return f16_to_f32(u16(from)); }

  template <int kBits>
  static I shift_right(I x) {
    return ints([&](int i) { return x.at[i] >> kBits; });
  }
  template <int kBits>
  static I shift_left(I x) {
    return ints([&](int i) { return x.at[i] << kBits; });
  }
  static I shift_right_by(I x, int bits) {
    return ints([&](int i) { return x.at[i] >> bits; });
  }
  static I both(I x, std::int32_t mask) {
    return ints([&](int i) { return x.at[i] & mask; });
  }
  static I either(I a, I b) {
    return ints([&](int i) { return a.at[i] | b.at[i]; });
  }
  // `x`, with `bit` set in the lanes i whose bit i of `chosen` is set.
  static I with_bit(I x, std::uint16_t chosen, std::int32_t bit) {
    return ints([&](int i) { return x.at[i] | (((chosen >> i) & 1) != 0 ? bit : 0); });
  }
  static F to_float(I x) {
    return floats([&](int i) { return static_cast<float>(x.at[i]); });
  }
  // The entry of `table` that the low four bits of each lane name.
  static F look_up(F table, I index) {
    return floats([&](int i) { return table.at[index.at[i] & 15]; });
  }
};

}  // namespace headscope::kernels
