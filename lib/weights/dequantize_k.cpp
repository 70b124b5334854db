#include "lib/weights/block_bytes.h"
#include "lib/weights/dequantize.h"

namespace headscope {
namespace {

constexpr int kSuperBlock = 256;

// The eight 6-bit scales and minima of Q4_K and Q5_K, packed in 12 bytes: the first four of each in
// the low six bits of bytes 0–7, the last four in the nibbles of bytes 8–11 below the top two bits
// of bytes 0–7.
HEADSCOPE_INLINE int packed_scale(const std::uint8_t* packed, int group) {
  return group < 4 ? packed[group] & 63
                   : (packed[group + 4] & 15) | ((packed[group - 4] >> 2) & 48);
}

HEADSCOPE_INLINE int packed_minimum(const std::uint8_t* packed, int group) {
  return group < 4 ? packed[group + 4] & 63
                   : (packed[group + 4] >> 4) | ((packed[group] >> 2) & 48);
}

// The sixteen 6-bit scales of Q3_K, less 32: nibbles in bytes 0–7, top bits in bytes 8–11.
HEADSCOPE_INLINE int q3_scale(const std::uint8_t* packed, int group) {
  const int low = (packed[group % 8] >> (group / 8 * 4)) & 15;
  const int high = (packed[8 + group % 4] >> (group / 4 * 2)) & 3;
  return (low | (high << 4)) - 32;
}

}  // namespace

// 16 groups of 16 values; group 2s + t of each half holds bits 2s of its bytes 16t to 16t + 15.
HEADSCOPE_MULTIVERSION void dequantize_q2_k(const std::uint8_t* from,
                                            std::int64_t blocks,
                                            float* out) {
  for (; blocks > 0; --blocks, from += 84, out += kSuperBlock) {
    const float d = f16_at(from + 80);
    const float dmin = f16_at(from + 82);
    for (int group = 0; group < 16; ++group) {
      const float scale = d * static_cast<float>(from[group] & 15);
      const float minimum = dmin * static_cast<float>(from[group] >> 4);
      const std::uint8_t* q = from + 16 + group / 8 * 32 + group % 2 * 16;
      const int shift = group % 8 / 2 * 2;
      for (int i = 0; i < 16; ++i) {
        out[group * 16 + i] = scale * static_cast<float>((q[i] >> shift) & 3) - minimum;
      }
    }
  }
}

// As Q2_K, with a third bit in the 32-byte mask: 4 is taken away where it is clear.
HEADSCOPE_MULTIVERSION void dequantize_q3_k(const std::uint8_t* from,
                                            std::int64_t blocks,
                                            float* out) {
  for (; blocks > 0; --blocks, from += 110, out += kSuperBlock) {
    const float d = f16_at(from + 108);
    for (int group = 0; group < 16; ++group) {
      const float scale = d * static_cast<float>(q3_scale(from + 96, group));
      const std::uint8_t* mask = from + group % 2 * 16;
      const std::uint8_t* q = from + 32 + group / 8 * 32 + group % 2 * 16;
      const int shift = group % 8 / 2 * 2;
      const int mask_bit = group / 2;
      for (int i = 0; i < 16; ++i) {
        const int value = ((q[i] >> shift) & 3) - 4 + (((mask[i] >> mask_bit) & 1) << 2);
        out[group * 16 + i] = scale * static_cast<float>(value);
      }
    }
  }
}

// 8 groups of 32 values; groups 2s and 2s + 1 share bytes 32s to 32s + 31, low nibbles first.
HEADSCOPE_MULTIVERSION void dequantize_q4_k(const std::uint8_t* from,
                                            std::int64_t blocks,
                                            float* out) {
  for (; blocks > 0; --blocks, from += 144, out += kSuperBlock) {
    const float d = f16_at(from);
    const float dmin = f16_at(from + 2);
    for (int group = 0; group < 8; ++group) {
      const float scale = d * static_cast<float>(packed_scale(from + 4, group));
      const float minimum = dmin * static_cast<float>(packed_minimum(from + 4, group));
      const std::uint8_t* q = from + 16 + group / 2 * 32;
      const int shift = group % 2 * 4;
      for (int i = 0; i < 32; ++i) {
        out[group * 32 + i] = scale * static_cast<float>((q[i] >> shift) & 15) - minimum;
      }
    }
  }
}

// As Q4_K, with the fifth bits in 32 bytes: bit g of byte i belongs to value i of group g.
HEADSCOPE_MULTIVERSION void dequantize_q5_k(const std::uint8_t* from,
                                            std::int64_t blocks,
                                            float* out) {
  for (; blocks > 0; --blocks, from += 176, out += kSuperBlock) {
    const float d = f16_at(from);
    const float dmin = f16_at(from + 2);
    const std::uint8_t* high = from + 16;
    for (int group = 0; group < 8; ++group) {
      const float scale = d * static_cast<float>(packed_scale(from + 4, group));
      const float minimum = dmin * static_cast<float>(packed_minimum(from + 4, group));
      const std::uint8_t* q = from + 48 + group / 2 * 32;
      const int shift = group % 2 * 4;
      for (int i = 0; i < 32; ++i) {
        const int value = ((q[i] >> shift) & 15) | (((high[i] >> group) & 1) << 4);
        out[group * 32 + i] = scale * static_cast<float>(value) - minimum;
      }
    }
  }
}

// 8 runs of 32 values, four to each half: nibbles from bytes 64h + 32(r % 2), top two bits from
// byte 32h; every 16 values have an 8-bit scale of their own.
HEADSCOPE_MULTIVERSION void dequantize_q6_k(const std::uint8_t* from,
                                            std::int64_t blocks,
                                            float* out) {
  for (; blocks > 0; --blocks, from += 210, out += kSuperBlock) {
    const float d = f16_at(from + 208);
    const auto* scales = reinterpret_cast<const std::int8_t*>(from + 192);
    for (int group = 0; group < 16; ++group) {
      const float scale = d * static_cast<float>(scales[group]);
      const int half = group / 8;
      const int run = group % 8 / 2;
      const std::uint8_t* low = from + half * 64 + run % 2 * 32 + group % 2 * 16;
      const std::uint8_t* high = from + 128 + half * 32 + group % 2 * 16;
      for (int i = 0; i < 16; ++i) {
        const int value = ((low[i] >> (run / 2 * 4)) & 15) | (((high[i] >> (run * 2)) & 3) << 4);
        out[group * 16 + i] = scale * static_cast<float>(value - 32);
      }
    }
  }
}

}  // namespace headscope
