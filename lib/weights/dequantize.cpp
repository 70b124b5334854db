#include "lib/weights/dequantize.h"

#include "lib/weights/block_bytes.h"

namespace headscope {
namespace {

constexpr int kBlock = 32;
constexpr int kHalf = 16;  // low nibbles hold the first half of a block, high nibbles the second

// The fifth bits of a block's values, bit i for value i.
HEADSCOPE_INLINE int fifth_bit(std::uint32_t high, int i) {
  return static_cast<int>((high >> i) & 1u) << 4;
}

}  // namespace

HEADSCOPE_MULTIVERSION void dequantize_q4_0(const std::uint8_t* from,
                                            std::int64_t blocks,
                                            float* out) {
  for (; blocks > 0; --blocks, from += 18, out += kBlock) {
    const float d = f16_at(from);
    const std::uint8_t* q = from + 2;
    for (int i = 0; i < kHalf; ++i) {
      out[i] = d * static_cast<float>((q[i] & 15) - 8);
      out[i + kHalf] = d * static_cast<float>((q[i] >> 4) - 8);
    }
  }
}

HEADSCOPE_MULTIVERSION void dequantize_q4_1(const std::uint8_t* from,
                                            std::int64_t blocks,
                                            float* out) {
  for (; blocks > 0; --blocks, from += 20, out += kBlock) {
    const float d = f16_at(from);
    const float m = f16_at(from + 2);
    const std::uint8_t* q = from + 4;
    for (int i = 0; i < kHalf; ++i) {
      out[i] = d * static_cast<float>(q[i] & 15) + m;
      out[i + kHalf] = d * static_cast<float>(q[i] >> 4) + m;
    }
  }
}

HEADSCOPE_MULTIVERSION void dequantize_q5_0(const std::uint8_t* from,
                                            std::int64_t blocks,
                                            float* out) {
  for (; blocks > 0; --blocks, from += 22, out += kBlock) {
    const float d = f16_at(from);
    const std::uint32_t high = u32_at(from + 2);
    const std::uint8_t* q = from + 6;
    for (int i = 0; i < kHalf; ++i) {
      out[i] = d * static_cast<float>(((q[i] & 15) | fifth_bit(high, i)) - 16);
      out[i + kHalf] = d * static_cast<float>(((q[i] >> 4) | fifth_bit(high, i + kHalf)) - 16);
    }
  }
}

HEADSCOPE_MULTIVERSION void dequantize_q5_1(const std::uint8_t* from,
                                            std::int64_t blocks,
                                            float* out) {
  for (; blocks > 0; --blocks, from += 24, out += kBlock) {
    const float d = f16_at(from);
    const float m = f16_at(from + 2);
    const std::uint32_t high = u32_at(from + 4);
    const std::uint8_t* q = from + 8;
    for (int i = 0; i < kHalf; ++i) {
      out[i] = d * static_cast<float>((q[i] & 15) | fifth_bit(high, i)) + m;
      out[i + kHalf] = d * static_cast<float>((q[i] >> 4) | fifth_bit(high, i + kHalf)) + m;
    }
  }
}

HEADSCOPE_MULTIVERSION void dequantize_q8_0(const std::uint8_t* from,
                                            std::int64_t blocks,
                                            float* out) {
  for (; blocks > 0; --blocks, from += 34, out += kBlock) {
    const float d = f16_at(from);
    const auto* q = reinterpret_cast<const std::int8_t*>(from + 2);
    for (int i = 0; i < kBlock; ++i) {
      out[i] = static_cast<float>(q[i]) * d;
    }
  }
}

}  // namespace headscope
